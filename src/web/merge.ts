import * as v from 'valibot';
import type { FaceEvent } from '../gallery/events.ts';
import { GalleryStore } from '../gallery/store.ts';
import { audit } from './audit.ts';
import { readJson } from './body.ts';
import type { Deps, Routes } from './deps.ts';
import { erasePerson } from './erasure.ts';
import { existing, shownPerson } from './people.ts';
import { Problem } from './problem.ts';

export const MergeBodySchema = v.strictObject({ from: v.string() });
const HOW_TO = 'Send {"from": "…"}, the id of the person who is to go.';

/** `POST /people/:id/merge`: two entries that are one person. */
export function mergeRoutes(deps: Deps): Routes {
  const { people, gallery, newId } = deps;
  return {
    '/people/:id/merge': {
      POST: async c => {
        const { from } = await readJson(c.req.raw, MergeBodySchema, HOW_TO);
        const into = await existing(deps, c.req.param('id'));
        const other = await existing(deps, from);
        if (into.id === other.id)
          throw new Problem('invalid-merge', 'A person cannot be merged with themselves. Name another one.');
        const faces = await eventsOf(gallery, new Set(other.faces.map(({ face }) => face)));
        if (faces.length > 0)
          await people.append(faces.map(event => ({ ...event, person: into.id, face: newId() })));
        await erasePerson(deps, c, other);
        audit(deps, c, { action: 'people-merged', person: into.id, from: other.id, faces: faces.length });
        return Response.json(shownPerson(await existing(deps, into.id)));
      },
    },
  };
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
