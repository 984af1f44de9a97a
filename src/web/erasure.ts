import type { Context } from 'hono';
import { deletePhotos } from '../gallery/erase.ts';
import type { Person } from '../gallery/gallery.ts';
import { audit } from './audit.ts';
import type { Deps, Env } from './deps.ts';
import { Problem } from './problem.ts';

const ERASED_AT_ONCE = 16;

/** Also where another web server's clock is ahead of ours. */
export function changedMeanwhile(): Problem {
  return new Problem('changed-meanwhile', 'Look at the person and decide again.');
}

/** Deletes a person with faces, embeddings and enrolled photos, and keeps a line about it. */
export async function erasePerson(deps: Deps, c: Context<Env>, { id, faces }: Person): Promise<void> {
  const { people, newId } = deps;
  // Photos first: should that fail, the person is still there and the deletion can be repeated.
  await deleteAll(deps, faces);
  await people.append([{ type: 'person-removed', person: id, at: newId() }]);
  if (people.gallery.person(id)) throw changedMeanwhile();
  audit(deps, c, { action: 'person-deleted', person: id, faces: faces.length });
}

/** Deletes faces with their embeddings and photos, and keeps a line about each. */
export async function eraseFaces(
  deps: Deps,
  c: Context<Env>,
  faces: readonly { readonly person: string; readonly face: string }[],
): Promise<void> {
  if (faces.length === 0) return;
  await deleteAll(deps, faces);
  await deps.people.append(
    faces.map(({ face }) => ({ type: 'face-removed', face, at: deps.newId() }) as const),
  );
  for (const { person, face } of faces) audit(deps, c, { action: 'face-deleted', person, face });
}

async function deleteAll(deps: Deps, faces: readonly { readonly face: string }[]): Promise<void> {
  for (let at = 0; at < faces.length; at += ERASED_AT_ONCE)
    await Promise.all(faces.slice(at, at + ERASED_AT_ONCE).map(({ face }) => deletePhotos(deps, face)));
}
