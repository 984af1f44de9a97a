import type { Context } from 'hono';
import * as v from 'valibot';
import { personIdProblem, personNameProblem } from '../../core/people.ts';
import type { Person } from '../../gallery/gallery.ts';
import { readJson } from '../body.ts';
import type { Deps, Env } from '../deps.ts';
import { Problem } from '../problem.ts';

export const SubjectSchema = v.object({ subject: v.string() });

/** A subject is a person, known by name alone; of several people of one name it is the first. */
export async function subjectOf({ people, directory }: Deps, subject: string): Promise<Person | undefined> {
  await people.refresh();
  return directory.named(subject);
}

export async function existingSubject(deps: Deps, subject: string): Promise<Person> {
  const person = await subjectOf(deps, subject);
  if (person) return person;
  throw new Problem('unknown-person', `There is no subject ${JSON.stringify(subject)}.`);
}

/** The person of that name, added where there is none. */
export async function subjectFor(deps: Deps, subject: string): Promise<Person> {
  const known = await subjectOf(deps, checked(subject));
  if (known) return known;
  const { people, newId } = deps;
  const isFree = personIdProblem(subject) === undefined && !people.gallery.person(subject);
  const id = isFree ? subject : newId();
  await people.append([{ type: 'person', person: id, name: subject, at: newId() }]);
  return { id, name: subject, faces: [] };
}

/** The `subject` in a JSON body. */
export async function givenSubject(c: Context<Env>): Promise<string> {
  const { subject } = await readJson(c.req.raw, SubjectSchema, 'Send {"subject": "…"}.');
  return checked(subject);
}

function checked(subject: string): string {
  const problem = personNameProblem(subject);
  if (problem === undefined) return subject;
  throw new Problem('invalid-person-name', `The subject ${problem}.`);
}
