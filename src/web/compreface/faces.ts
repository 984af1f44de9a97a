import * as v from 'valibot';
import { RequestIdSchema } from '../../core/messages.ts';
import type { Person } from '../../gallery/gallery.ts';
import { readJson } from '../body.ts';
import type { Deps, Handler, Routes } from '../deps.ts';
import { eraseFaces } from '../erasure.ts';
import { takeIn } from '../intake.ts';
import { pictureReply } from '../pictures.ts';
import { Problem } from '../problem.ts';
import { askedFor, verification } from './answers.ts';
import { answered, readPhoto, recognised } from './photo.ts';
import { existingSubject, subjectFor } from './subjects.ts';

const whole = (digits: number) =>
  v.pipe(v.string(), v.regex(new RegExp(`^\\d{1,${digits}}$`)), v.transform(Number));
const PagingSchema = v.object({
  page: v.optional(whole(6), '0'),
  size: v.optional(v.pipe(whole(4), v.minValue(1), v.maxValue(1_000)), '20'),
  subject: v.optional(v.string()),
});

/** Ids of images; ten thousand fit. */
export const ImageIdsSchema = v.array(v.string());
const MAX_IDS_BYTES = 400_000;

interface Owned {
  readonly person: Person;
  readonly face: string;
}

const shown = ({ person, face }: Owned) => ({ image_id: face, subject: person.name });
const erasable = ({ person, face }: Owned) => ({ person: person.id, face });

/** CompreFace's images of subjects, which are enrolled faces here. */
export function faceRoutes(deps: Deps) {
  const { people } = deps;

  const facesOf = async (subject: string | undefined): Promise<Owned[]> => {
    await people.refresh();
    const chosen = subject === undefined ? people.gallery.people() : [await existingSubject(deps, subject)];
    return chosen.flatMap(person => person.faces.map(({ face }) => ({ person, face })));
  };

  /** Of the gallery as last refreshed. */
  const find = (id = ''): Owned | undefined => {
    const face = id.toLowerCase();
    const person = v.is(RequestIdSchema, face) ? people.gallery.ownerOf(face) : undefined;
    return person && { person, face };
  };

  const existing = async (id: string | undefined): Promise<Owned> => {
    await people.refresh();
    const found = find(id);
    if (found) return found;
    throw new Problem('unknown-face', 'GET /api/v1/recognition/faces lists the images.');
  };

  const add: Handler = async c => {
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

  const list: Handler = async c => {
    const parsed = v.safeParse(PagingSchema, c.req.query());
    if (!parsed.success) throw new Problem('invalid-query', 'Give page from 0, and size from 1 to 1000.');
    const { page, size, subject } = parsed.output;
    await people.refresh();
    const wanted = people.gallery.people().filter(({ name }) => subject === undefined || name === subject);
    const all = wanted.flatMap(person => person.faces.map(({ face }) => ({ person, face })));
    return Response.json({
      faces: all.slice(page * size, (page + 1) * size).map(shown),
      page_number: page,
      page_size: size,
      total_pages: Math.ceil(all.length / size),
      total_elements: all.length,
    });
  };

  const deleteAll: Handler = async c => {
    const faces = await facesOf(c.req.query('subject'));
    await eraseFaces(deps, c, faces.map(erasable));
    return Response.json({ deleted: faces.length });
  };

  /** Those that are not there are passed over. */
  const deleteSome: Handler = async c => {
    const ids = await readJson(c.req.raw, ImageIdsSchema, 'Send ["<image_id>", …].', MAX_IDS_BYTES);
    await people.refresh();
    const faces = [...new Set(ids.map(id => id.toLowerCase()))].flatMap(id => find(id) ?? []);
    await eraseFaces(deps, c, faces.map(erasable));
    return Response.json(faces.map(shown));
  };

  const deleteOne: Handler = async c => {
    const found = await existing(c.req.param('image'));
    await eraseFaces(deps, c, [erasable(found)]);
    return Response.json(shown(found));
  };

  /** Where there is none, no bytes, as there. */
  const image: Handler = async c => {
    await people.refresh();
    const found = find(c.req.param('image'));
    const picture = found && (await pictureReply(deps.gallery, found.face, c.req.raw));
    return picture ?? new Response('', { headers: { 'content-type': 'application/octet-stream' } });
  };

  const verify: Handler = async c => {
    const asked = askedFor(c.req.query());
    const { person, face } = await existing(c.req.param('image'));
    const photo = await takeIn(
      deps,
      c,
      (id, { file }) => ({ v: 1, kind: 'recognise', id, file, against: face }) as const,
      readPhoto,
    );
    return Response.json(verification(await recognised(deps, c.req.raw, photo), asked, person.name));
  };

  const all: NonNullable<Routes[string]> = { GET: list, POST: add, DELETE: deleteAll };
  return { all, deleteSome, deleteOne, image, verify };
}
