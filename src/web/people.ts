import * as v from 'valibot';
import { personIdProblem, personNameProblem } from '../core/people.ts';
import type { Person } from '../gallery/gallery.ts';
import { readBody } from './body.ts';
import type { Deps, Handler, Routes } from './deps.ts';
import type { Place } from './directory.ts';
import { changedMeanwhile, erasePerson } from './erasure.ts';
import { Problem } from './problem.ts';

const MAX_BODY = 16_384;
export const PersonBodySchema = v.strictObject({ name: v.optional(v.string()) });
const BodySchema = v.pipe(
  v.string(),
  v.parseJson(),
  // An array would pass for an object without names.
  v.check(json => !Array.isArray(json)),
  PersonBodySchema,
);

const PlaceSchema = v.strictTuple([v.picklist([0, 1]), v.string(), v.string()]);
const PageSchema = v.object({
  limit: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,4}$/), v.transform(Number), v.minValue(1), v.maxValue(1_000)),
    '100',
  ),
  cursor: v.optional(
    v.pipe(
      v.string(),
      v.transform(text => Buffer.from(text, 'base64url').toString()),
      v.parseJson(),
      PlaceSchema,
    ),
  ),
  q: v.optional(v.string(), ''),
});

/** The gallery: people, and what is shown of their faces. */
export function peopleRoutes(deps: Deps): Routes {
  const { people, newId } = deps;

  const put: Handler = async c => {
    const id = c.req.param('id') ?? '';
    const idProblem = personIdProblem(id);
    if (idProblem !== undefined)
      throw new Problem('invalid-person-id', `The id ${idProblem}. Choose another one.`);
    const given = await givenName(c.req.raw);
    await people.refresh();
    const before = people.gallery.person(id);
    const name = given ?? before?.name ?? id;
    const nameProblem = personNameProblem(name);
    if (nameProblem !== undefined)
      throw new Problem(
        'invalid-person-name',
        `The name ${nameProblem}. Send {"name": "…"} with another one.`,
      );
    if (name !== before?.name) await people.append([{ type: 'person', person: id, name, at: newId() }]);
    const after = people.gallery.person(id);
    if (after?.name !== name) throw changedMeanwhile();
    const headers = before ? {} : { location: personPath(id) };
    return Response.json(shownPerson(after), { status: before ? 200 : 201, headers });
  };

  const list: Handler = async c => {
    const query = c.req.query();
    await people.refresh();
    if (!Object.keys(PageSchema.entries).some(name => name in query))
      return Response.json({ people: people.gallery.people().map(shownPerson) });
    const asked = v.safeParse(PageSchema, query);
    if (!asked.success)
      throw new Problem('invalid-page', 'Give limit=1 to 1000, cursor as the last page told it, q=TEXT.');
    const { limit, cursor, q } = asked.output;
    const page = deps.directory.page(q, limit, cursor);
    const next = page.next && cursorOf(page.next);
    const body = { people: page.people.map(shownPerson), total: page.total, ...(next && { next }) };
    if (next === undefined) return Response.json(body);
    const more = new URLSearchParams({ ...query, cursor: next });
    return Response.json(body, { headers: { link: `</people?${more}>; rel="next"` } });
  };

  return {
    '/people': { GET: list },
    '/people/:id': {
      GET: async c => {
        const person = await existing(deps, c.req.param('id'));
        const warnings = (await deps.doubts(person)).map(({ kind, face, other }) => ({
          ...{ kind, face },
          other: {
            person: other.person,
            name: people.gallery.nameOf(other.person),
            face: other.face,
            similarity: Math.round(1e4 * other.similarity) / 1e4,
          },
        }));
        return Response.json({ ...shownPerson(person), warnings });
      },
      PUT: put,
      DELETE: async c => {
        await erasePerson(deps, c, await existing(deps, c.req.param('id')));
        return new Response(null, { status: 204 });
      },
    },
  };
}

function cursorOf(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

export function personPath(id: string): string {
  return `/people/${encodeURIComponent(id)}`;
}

/** The person as of now, whoever changed it. Throws a 404 problem `unknown-person`. */
export async function existing({ people }: Deps, id = ''): Promise<Person> {
  await people.refresh();
  const person = people.gallery.person(id);
  if (person) return person;
  throw new Problem('unknown-person', 'GET /people lists everybody; PUT /people/:id adds somebody.');
}

/** What clients see of a face: no embedding. */
export function shownFace({ face, file, quality, model, digest }: Person['faces'][number]) {
  return { id: face, file, quality, model, ...(digest !== undefined && { digest }) };
}

export function shownPerson({ id, name, faces }: Person) {
  return { id, name, faces: faces.map(shownFace) };
}

async function givenName(request: Request): Promise<string | undefined> {
  const body = new TextDecoder().decode(await readBody(request, MAX_BODY));
  if (body === '') return undefined;
  const parsed = v.safeParse(BodySchema, body);
  if (parsed.success) return parsed.output.name;
  throw new Problem('invalid-json', 'Send {"name": "…"}, or no body at all.');
}
