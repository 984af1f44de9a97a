import type { Deps, Handler, Routes } from '../deps.ts';
import { changedMeanwhile, erasePerson } from '../erasure.ts';
import { takeIn } from '../intake.ts';
import { mergePeople } from '../merge.ts';
import { Problem, problemOf } from '../problem.ts';
import { askedFor, detection, recognition } from './answers.ts';
import { faceRoutes } from './faces.ts';
import { readPhoto, recognised } from './photo.ts';
import { STATIC } from './static.ts';
import { existingSubject, givenSubject, subjectFor, subjectOf } from './subjects.ts';

const BASE = '/api/v1/recognition';

/**
 * The recognition and detection services of CompreFace's REST API, for its clients: subjects are people known by name, images
 * are faces. Its verification of two photos, and all that takes or gives embeddings, are not here.
 */
export function comprefaceRoutes(deps: Deps): Routes {
  const { people, newId } = deps;

  const look =
    (answer: typeof recognition | typeof detection): Handler =>
    async c => {
      const asked = askedFor(c.req.query());
      const photo = await takeIn(
        deps,
        c,
        (id, { file }) => ({ v: 1, kind: 'recognise', id, file }) as const,
        readPhoto,
      );
      return Response.json(answer(await recognised(deps, c.req.raw, photo), asked));
    };

  const rename: Handler = async c => {
    const person = await existingSubject(deps, c.req.param('subject') ?? '');
    const name = await givenSubject(c);
    const updated = Response.json({ updated: true });
    if (name === person.name) return updated;
    const other = await subjectOf(deps, name);
    if (other) {
      await mergePeople(deps, c, other, person);
      return updated;
    }
    await people.append([{ type: 'person', person: person.id, name, at: newId() }]);
    if (people.gallery.nameOf(person.id) !== name) throw changedMeanwhile();
    return updated;
  };

  const { image, ...faces } = faceRoutes(deps);
  return toldAsThere({
    [`${BASE}/recognize`]: { POST: look(recognition) },
    '/api/v1/detection/detect': { POST: look(detection) },
    [`${BASE}/subjects`]: {
      GET: async () => {
        await people.refresh();
        return Response.json({ subjects: [...new Set(people.gallery.names().values())].sort() });
      },
      POST: async c => {
        const { name } = await subjectFor(deps, await givenSubject(c));
        return Response.json({ subject: name }, { status: 201 });
      },
      DELETE: async c => {
        await people.refresh();
        const all = people.gallery.people();
        for (const person of all) await erasePerson(deps, c, person);
        return Response.json({ deleted: all.length });
      },
    },
    [`${BASE}/subjects/:subject`]: {
      PUT: rename,
      DELETE: async c => {
        const person = await existingSubject(deps, c.req.param('subject') ?? '');
        await erasePerson(deps, c, person);
        return Response.json({ subject: person.name });
      },
    },
    [`${BASE}/faces`]: faces.all,
    // Before those that it would be one of.
    [`${BASE}/faces/delete`]: { POST: faces.deleteSome },
    [`${BASE}/faces/:image`]: { DELETE: faces.deleteOne },
    [`${BASE}/faces/:image/img`]: { GET: image },
    [`${BASE}/faces/:image/verify`]: { POST: faces.verify },
    [STATIC]: { GET: image },
  });
}

/** With the `message` that CompreFace's clients look for in every error. */
function toldAsThere(routes: Routes): Routes {
  const told = (handler: Handler): Handler => {
    return async c => {
      try {
        return await handler(c);
      } catch (error) {
        const { slug, message, options } = problemOf(error, c.get('requestId'));
        throw new Problem(slug, message, { ...options, extra: { message, ...options.extra } });
      }
    };
  };
  return Object.fromEntries(
    Object.entries(routes).map(([path, handlers]) => [
      path,
      Object.fromEntries(Object.entries(handlers).map(([method, handler]) => [method, told(handler)])),
    ]),
  );
}
