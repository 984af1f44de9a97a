import * as v from 'valibot';
import { personIdProblem, personNameProblem } from '../core/people.ts';
import { deletePhotos } from '../gallery/erase.ts';
import type { Person } from '../gallery/gallery.ts';
import { readBody } from './body.ts';
import type { Deps, Handler, Routes } from './deps.ts';
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
    return Response.json(shown(after), { status: before ? 200 : 201, headers });
  };

  return {
    '/people': {
      GET: async () => {
        await people.refresh();
        return Response.json({ people: people.gallery.people().map(shown) });
      },
    },
    '/people/:id': {
      GET: async c => Response.json(shown(await existing(deps, c.req.param('id')))),
      PUT: put,
      DELETE: async c => {
        const { id, faces } = await existing(deps, c.req.param('id'));
        // Photos first: should that fail, the person is still there and the deletion can be repeated.
        for (const { face } of faces) await deletePhotos(deps, face);
        await people.append([{ type: 'person-removed', person: id, at: newId() }]);
        if (people.gallery.person(id)) throw changedMeanwhile();
        return new Response(null, { status: 204 });
      },
    },
  };
}

/** Also where another web server's clock is ahead of ours. */
function changedMeanwhile(): Problem {
  return new Problem('changed-meanwhile', 'Look at the person and decide again.');
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
export function shownFace({ face, file, quality, model }: Person['faces'][number]) {
  return { id: face, file, quality, model };
}

function shown({ id, name, faces }: Person) {
  return { id, name, faces: faces.map(shownFace) };
}

async function givenName(request: Request): Promise<string | undefined> {
  const body = new TextDecoder().decode(await readBody(request, MAX_BODY));
  if (body === '') return undefined;
  const parsed = v.safeParse(BodySchema, body);
  if (parsed.success) return parsed.output.name;
  throw new Problem('invalid-json', 'Send {"name": "…"}, or no body at all.');
}
