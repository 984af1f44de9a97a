import * as v from 'valibot';
import type { Person } from '../../gallery/gallery.ts';
import type { Deps, Handler, Routes } from '../deps.ts';
import { changedMeanwhile, eraseFace, erasePerson } from '../erasure.ts';
import { hold } from '../hold.ts';
import { takeIn } from '../intake.ts';
import { Problem, problemOf } from '../problem.ts';
import { photoFailed } from '../reply.ts';
import { askedFor, noFace, recognition } from './answers.ts';
import { readPhoto } from './photo.ts';
import { existingSubject, givenSubject, subjectFor, subjectOf } from './subjects.ts';

const BASE = '/api/v1/recognition';

const PagingSchema = v.object({
  page: v.optional(v.pipe(v.string(), v.regex(/^\d{1,6}$/), v.transform(Number)), '0'),
  size: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,4}$/), v.transform(Number), v.minValue(1), v.maxValue(1_000)),
    '20',
  ),
  subject: v.optional(v.string()),
});

/**
 * The recognition service of CompreFace's REST API, for its clients: subjects are people known by name, images are faces.
 * Its verification, image download and detection are not here.
 */
export function comprefaceRoutes(deps: Deps): Routes {
  const { people, newId } = deps;

  const recognise: Handler = async c => {
    const asked = askedFor(c.req.query());
    const photo = await takeIn(
      deps,
      c,
      (id, { file }) => ({ v: 1, kind: 'recognise', id, file }) as const,
      readPhoto,
    );
    const result = await answered(deps, c.req.raw, photo);
    if (!('faces' in result)) throw noFace();
    return Response.json(recognition(result, asked));
  };

  const addFace: Handler = async c => {
    const subject = c.req.query('subject');
    if (subject === undefined) throw new Problem('invalid-query', 'The parameter subject is missing.');
    const person = await subjectFor(deps, subject);
    const photo = await takeIn(
      deps,
      c,
      (id, { file }) => ({ v: 1, kind: 'enrol', id, file, person: person.id }) as const,
      readPhoto,
    );
    await answered(deps, c.req.raw, photo);
    return Response.json({ image_id: photo.id, subject }, { status: 201 });
  };

  const listFaces: Handler = async c => {
    const parsed = v.safeParse(PagingSchema, c.req.query());
    if (!parsed.success) throw new Problem('invalid-query', 'Give page from 0, and size from 1 to 1000.');
    const { page, size, subject } = parsed.output;
    await people.refresh();
    const wanted = people.gallery.people().filter(({ name }) => subject === undefined || name === subject);
    const all = wanted.flatMap(({ name, faces }) =>
      faces.map(({ face }) => ({ image_id: face, subject: name })),
    );
    return Response.json({
      faces: all.slice(page * size, (page + 1) * size),
      page_number: page,
      page_size: size,
      total_pages: Math.ceil(all.length / size),
      total_elements: all.length,
    });
  };

  const rename: Handler = async c => {
    const person = await existingSubject(deps, c.req.param('subject') ?? '');
    const name = await givenSubject(c);
    if (name === person.name) return Response.json({ updated: true });
    if (await subjectOf(deps, name))
      throw new Problem(
        'subject-exists',
        'Subjects are not merged here: delete one and enrol its photos again.',
      );
    await people.append([{ type: 'person', person: person.id, name, at: newId() }]);
    if (people.gallery.nameOf(person.id) !== name) throw changedMeanwhile();
    return Response.json({ updated: true });
  };

  const deleteFaces: Handler = async c => {
    const subject = c.req.query('subject');
    const faces = await facesOf(subject);
    for (const { person, face } of faces) await eraseFace(deps, c, person.id, face);
    return Response.json({ deleted: faces.length });
  };

  const facesOf = async (subject: string | undefined): Promise<{ person: Person; face: string }[]> => {
    await people.refresh();
    const chosen = subject === undefined ? people.gallery.people() : [await existingSubject(deps, subject)];
    return chosen.flatMap(person => person.faces.map(({ face }) => ({ person, face })));
  };

  return toldAsThere({
    [`${BASE}/recognize`]: { POST: recognise },
    [`${BASE}/subjects`]: {
      GET: async () => {
        await people.refresh();
        const names = people.gallery.people().map(({ name }) => name);
        return Response.json({ subjects: [...new Set(names)].sort() });
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
    [`${BASE}/faces`]: { GET: listFaces, POST: addFace, DELETE: deleteFaces },
    [`${BASE}/faces/:image`]: {
      DELETE: async c => {
        const image = c.req.param('image')?.toLowerCase();
        const found = (await facesOf(undefined)).find(({ face }) => face === image);
        if (!found) throw new Problem('unknown-face', `GET ${BASE}/faces lists the images.`);
        await eraseFace(deps, c, found.person.id, found.face);
        return Response.json({ image_id: found.face, subject: found.person.name });
      },
    },
  });
}

/** Its clients know no other answer than the last one. */
async function answered(deps: Deps, request: Request, photo: { readonly id: string; readonly file: string }) {
  const result = await hold(deps, request, photo, Number.POSITIVE_INFINITY);
  if (!result) throw new Problem('busy', 'The server is stopping. Send it again in a moment.');
  if (result.status === 'done') return result;
  throw result.reason === 'no-face' ? noFace() : photoFailed(result);
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
