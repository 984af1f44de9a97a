import type { EnrolRequest } from '../core/messages.ts';
import { deletePhotos } from '../gallery/erase.ts';
import type { Person } from '../gallery/gallery.ts';
import type { Deps, Handler, Routes } from './deps.ts';
import { hold } from './hold.ts';
import { takeIn } from './intake.ts';
import { existing, personPath, shownFace } from './people.ts';
import { Problem } from './problem.ts';
import { photoFailed, queuedReply } from './reply.ts';
import { waitOf } from './wait.ts';

/** Enrolment: a worker embeds the face, like any other request. */
export function faceRoutes(deps: Deps): Routes {
  const enrol: Handler = async c => {
    const request = c.req.raw;
    const { seconds, applied } = waitOf(c);
    const person = await existing(deps, c.req.param('id'));
    const photo = await takeIn<EnrolRequest>(deps, c, () => ({ kind: 'enrol', person: person.id }));
    const result = seconds === undefined ? undefined : await hold(deps, request, photo, seconds);
    if (!result) return queuedReply(photo.id, applied);
    if (result.status === 'failed') throw photoFailed(result, applied);
    const location = `${personPath(person.id)}/faces/${photo.id}`;
    return Response.json(result, { status: 201, headers: { location, ...applied } });
  };

  return {
    '/people/:id/faces': { POST: enrol },
    '/people/:id/faces/:face': {
      GET: async c => {
        const person = await existing(deps, c.req.param('id'));
        return Response.json(shownFace(faceOf(person, c.req.param('face'))));
      },
      DELETE: async c => {
        const person = await existing(deps, c.req.param('id'));
        const { face } = faceOf(person, c.req.param('face'));
        await deletePhotos(deps, face);
        await deps.people.append([{ type: 'face-removed', face, at: deps.newId() }]);
        return new Response(null, { status: 204 });
      },
    },
  };
}

function faceOf(person: Person, id: string | undefined) {
  const face = person.faces.find(candidate => candidate.face === id?.toLowerCase());
  if (face) return face;
  throw new Problem('unknown-face', `GET ${personPath(person.id)} lists the faces.`);
}
