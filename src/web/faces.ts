import * as v from 'valibot';
import { BoxSchema } from '../core/messages.ts';
import type { Person } from '../gallery/gallery.ts';
import type { Deps, Handler, Routes } from './deps.ts';
import { eraseFaces } from './erasure.ts';
import { hold } from './hold.ts';
import { takeIn } from './intake.ts';
import { existing, personPath, shownFace } from './people.ts';
import { pictureReply } from './pictures.ts';
import { Problem } from './problem.ts';
import { photoFailed, queuedReply } from './reply.ts';
import { waitOf } from './wait.ts';

/** Enrolment: a worker embeds the face, like any other request. */
export function faceRoutes(deps: Deps): Routes {
  const enrol: Handler = async c => {
    const request = c.req.raw;
    const { seconds, applied } = waitOf(c);
    const person = await existing(deps, c.req.param('id'));
    const photo = await takeIn(
      deps,
      c,
      (id, { file, fields }) =>
        ({
          v: 1,
          kind: 'enrol',
          id,
          file,
          person: person.id,
          ...boxOf(c.req.query('box') ?? fields.get('box')),
        }) as const,
    );
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
        await eraseFaces(deps, c, [{ person: person.id, face }]);
        return new Response(null, { status: 204 });
      },
    },
    '/people/:id/faces/:face/photo': {
      GET: async c => {
        const person = await existing(deps, c.req.param('id'));
        const { face } = faceOf(person, c.req.param('face'));
        const picture = await pictureReply(deps.gallery, face, c.req.raw);
        if (picture) return picture;
        throw new Problem(
          'no-picture',
          'The face was enrolled by an earlier version, or by workers that keep none.',
        );
      },
    },
  };
}

function faceOf(person: Person, id: string | undefined) {
  const face = person.faces.find(candidate => candidate.face === id?.toLowerCase());
  if (face) return face;
  throw new Problem('unknown-face', `GET ${personPath(person.id)} lists the faces.`);
}

/** Of `x,y,width,height`: which face of the photo is meant. */
function boxOf(text: string | undefined): { box?: v.InferOutput<typeof BoxSchema> } {
  if (text === undefined) return {};
  const numbers = text
    .split(',')
    .map(piece => (piece.trim() === '' ? Number.NaN : Math.round(Number(piece))));
  const parsed = v.safeParse(BoxSchema, numbers);
  if (parsed.success) return { box: parsed.output };
  throw new Problem(
    'invalid-box',
    'Give box=x,y,width,height in pixels of the upright photo, as results tell it.',
  );
}
