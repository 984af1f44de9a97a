import type { Context } from 'hono';
import { deletePhotos } from '../gallery/erase.ts';
import type { Person } from '../gallery/gallery.ts';
import { audit } from './audit.ts';
import type { Deps, Env } from './deps.ts';
import { Problem } from './problem.ts';

/** Also where another web server's clock is ahead of ours. */
export function changedMeanwhile(): Problem {
  return new Problem('changed-meanwhile', 'Look at the person and decide again.');
}

/** Deletes a person with faces, embeddings and enrolled photos, and keeps a line about it. */
export async function erasePerson(deps: Deps, c: Context<Env>, { id, faces }: Person): Promise<void> {
  const { people, newId } = deps;
  // Photos first: should that fail, the person is still there and the deletion can be repeated.
  for (const { face } of faces) await deletePhotos(deps, face);
  await people.append([{ type: 'person-removed', person: id, at: newId() }]);
  if (people.gallery.person(id)) throw changedMeanwhile();
  audit(deps, c, { action: 'person-deleted', person: id, faces: faces.length });
}

/** Deletes a face with its embedding and photo, and keeps a line about it. */
export async function eraseFace(deps: Deps, c: Context<Env>, person: string, face: string): Promise<void> {
  await deletePhotos(deps, face);
  await deps.people.append([{ type: 'face-removed', face, at: deps.newId() }]);
  audit(deps, c, { action: 'face-deleted', person, face });
}
