import { deletePhotos, type PhotoStores } from '../gallery/erase.ts';
import { GalleryStore } from '../gallery/store.ts';
import type { Blobs, Log } from '../ports.ts';

const DAY_MS = 86_400_000;
/** Longer than any message can wait in a queue (14 days): no event from before a removal comes later than this. */
const FORGET_REMOVALS_MS = 15 * DAY_MS;

/** The gallery as the housekeeper sees it, and the faces whose photos are still to be erased. */
export class GalleryKeeper {
  readonly store: GalleryStore;
  readonly #photos: PhotoStores;
  readonly #removed = new Set<string>();

  constructor(gallery: Blobs, photos: Omit<PhotoStores, 'gallery'>) {
    this.#photos = { ...photos, gallery };
    this.store = new GalleryStore({
      blobs: gallery,
      describes: false,
      onChange: change => {
        if ('removed' in change) this.#removed.add(change.removed);
      },
    });
  }

  /** Erases photos and results of removed faces. The web server does so too, but cannot see one still on its way. To be called after a refresh of the store, and before a compaction forgets them. */
  async erasePhotos(): Promise<void> {
    for (const face of this.#removed) {
      await deletePhotos(this.#photos, face);
      this.#removed.delete(face);
    }
  }
}

/** Joins the gallery's segments where there are many, and at once those that hold what was removed; as last refreshed. */
export async function compactGallery(store: GalleryStore, log: Log, now: number): Promise<void> {
  const joined = await store.compact(stampOf(now - FORGET_REMOVALS_MS));
  if (joined > 0) log.info('gallery-compacted', { segments: joined });
}

/** Deletes what is older than `days`. For stores without a lifecycle of their own. */
export async function expire(blobs: Blobs, days: number, now: number): Promise<number> {
  const old = (await blobs.list('')).filter(({ modifiedAt }) => now - modifiedAt > days * DAY_MS);
  for (const { key } of old) await blobs.delete(key);
  return old.length;
}

/** The least UUID of version 7 at a time, ms since the epoch. */
function stampOf(time: number): string {
  const hex = Math.max(0, time).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
