import type { Context } from 'hono';
import * as v from 'valibot';
import { pictureKey } from '../gallery/erase.ts';
import type { FaceEvent } from '../gallery/events.ts';
import type { Person } from '../gallery/gallery.ts';
import { GalleryStore } from '../gallery/store.ts';
import { audit } from './audit.ts';
import { readJson } from './body.ts';
import type { Deps, Env, Routes } from './deps.ts';
import { erasePerson } from './erasure.ts';
import { existing, shownPerson } from './people.ts';
import { Problem } from './problem.ts';

export const MergeBodySchema = v.strictObject({ from: v.string() });
const COPIED_AT_ONCE = 16;
const HOW_TO = 'Send {"from": "…"}, the id of the person who is to go.';

/** `POST /people/:id/merge`: two entries that are one person. */
export function mergeRoutes(deps: Deps): Routes {
  return {
    '/people/:id/merge': {
      POST: async c => {
        const { from } = await readJson(c.req.raw, MergeBodySchema, HOW_TO);
        const into = await existing(deps, c.req.param('id'));
        const other = await existing(deps, from);
        if (into.id === other.id)
          throw new Problem('invalid-merge', 'A person cannot be merged with themselves. Name another one.');
        await mergePeople(deps, c, into, other);
        return Response.json(shownPerson(await existing(deps, into.id)));
      },
    },
  };
}

/** The faces of `other` become faces of `into`, with their pictures; then `other` is deleted. */
export async function mergePeople(deps: Deps, c: Context<Env>, into: Person, other: Person): Promise<void> {
  const { people, gallery, newId } = deps;
  const faces = await eventsOf(gallery, new Set(other.faces.map(({ face }) => face)));
  // A merge that was broken off may have moved some of them.
  const moved = faces.map(event => {
    const end = endOf(event.face);
    const there = into.faces.find(({ face }) => face.endsWith(end))?.face;
    return {
      isNew: there === undefined,
      event: { ...event, person: into.id, face: there ?? newId().slice(0, -END) + end },
    };
  });
  const events = moved.flatMap(({ isNew, event }) => (isNew ? [event] : []));
  if (events.length > 0) await people.append(events);
  for (let at = 0; at < moved.length; at += COPIED_AT_ONCE)
    await Promise.all(
      moved
        .slice(at, at + COPIED_AT_ONCE)
        .map(({ event }, i) => copyPicture(gallery, faces[at + i]!.face, event.face)),
    );
  await erasePerson(deps, c, other);
  audit(deps, c, { action: 'people-merged', person: into.id, from: other.id, faces: faces.length });
}

/** How the id ends that a face gets when it moves: it tells which face it was. */
function endOf(face: string): string {
  return new Bun.CryptoHasher('sha256').update(face).digest('hex').slice(0, END);
}
const END = 12;

async function copyPicture(gallery: Deps['gallery'], from: string, to: string): Promise<void> {
  const stored = await gallery.get(pictureKey(from));
  if (stored) await gallery.put(pictureKey(to), stored.body, { contentType: 'image/jpeg' });
}

/** Faces with their embeddings, which the web server does not keep. */
async function eventsOf(gallery: Deps['gallery'], faces: ReadonlySet<string>): Promise<FaceEvent[]> {
  const found: FaceEvent[] = [];
  const store = new GalleryStore({
    blobs: gallery,
    describes: false,
    onChange: change => {
      if ('added' in change && faces.has(change.added.face)) found.push(change.added);
    },
  });
  await store.refresh();
  return found;
}
