import { type Doubt, doubtsOf, type Neighbour } from '../core/doubts.ts';
import type { Blobs } from '../ports.ts';
import { FaceIndex } from './faceIndex.ts';
import type { Person } from './gallery.ts';
import { GalleryStore } from './store.ts';

/**
 * Looks for faces enrolled under the wrong person, and for photos enrolled twice. Embeddings are read at the first question, and
 * kept up to date from then on: a byte of memory a number.
 */
export class GalleryDoubts {
  readonly #store: GalleryStore;
  /** By model: embeddings of different models cannot be compared. */
  readonly #indexes = new Map<string, FaceIndex>();

  constructor(blobs: Blobs) {
    this.#store = new GalleryStore({
      blobs,
      describes: false,
      onChange: change => {
        if ('removed' in change) for (const index of this.#indexes.values()) index.remove(change.removed);
        else {
          const { face, person, model, embedding } = change.added;
          this.#indexOf(model, embedding.values.length)?.add(face, person, embedding);
        }
      },
    });
  }

  /** @param threshold two people who resemble each other less are told apart anyway */
  async of({ id, faces }: Person, threshold = 0.4): Promise<Doubt[]> {
    await this.#store.refresh();
    const isNamed = (person: string) => this.#store.gallery.nameOf(person) !== undefined;
    return faces.flatMap(({ face, model }) => {
      const index = this.#indexes.get(model);
      const embedding = index?.embeddingOf(face);
      if (!index || !embedding) return [];
      let own: Neighbour | undefined;
      for (const other of faces) {
        const similarity = other.face !== face && index.similarityTo(other.face, embedding);
        if (typeof similarity === 'number' && similarity > (own?.similarity ?? -2))
          own = { person: id, face: other.face, similarity };
      }
      const found = index.search(embedding, person => person !== id && isNamed(person));
      const another = found && { person: found.person, face: found.face, similarity: found.similarity };
      return doubtsOf(face, own, another ?? undefined, threshold);
    });
  }

  #indexOf(model: string, dimensions: number): FaceIndex | undefined {
    const index = this.#indexes.get(model) ?? new FaceIndex(dimensions);
    this.#indexes.set(model, index);
    // One model has one length; what claims another is left out.
    return index.dimensions === dimensions ? index : undefined;
  }
}
