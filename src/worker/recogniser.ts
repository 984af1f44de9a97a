import { pack } from '../core/embedding.ts';
import { Permanent } from '../core/errors.ts';
import type { EnrolRequest, RecogniseRequest, Request } from '../core/messages.ts';
import { type Enrolled, type Face, NO_FACE, type Recognised, type Result, UNKNOWN } from '../core/results.ts';
import type { Engine } from '../face/engine.ts';
import { chooseFace, faceAt } from '../face/enrolment.ts';
import type { Photo } from '../face/image.ts';
import type { Models } from '../face/manifest.ts';
import { nameFaces } from '../face/naming.ts';
import { pictureOf } from '../face/picture.ts';
import type { Found, FoundFace } from '../face/recognise.ts';
import { pictureKey } from '../gallery/erase.ts';
import { FaceIndex, type Match } from '../gallery/faceIndex.ts';
import { GalleryStore } from '../gallery/store.ts';
import type { Blobs } from '../ports.ts';
import { Garbage } from './garbage.ts';
import type { Answerer } from './pipeline.ts';

export interface RecogniserOptions {
  readonly engine: Engine;
  readonly models: Models;
  /** Holds people, embeddings and pictures of faces; undefined names nobody. */
  readonly gallery: Blobs | undefined;
  /** Least similarity at which a face is named in a gallery of so many faces; a request may override it. */
  readonly threshold: (faces: number) => number;
  /** Whether pictures of enrolled faces are kept; true by default. */
  readonly keepsPictures?: boolean;
  readonly onDamaged?: (segment: string, error: unknown) => void;
}

type Timings = Readonly<Record<string, number>>;

/** Puts the engine and the gallery together: from a decoded photo to the answer. */
export class Recogniser implements Answerer {
  readonly #options: RecogniserOptions;
  readonly #index: FaceIndex;
  readonly #store: GalleryStore | undefined;
  readonly #garbage = new Garbage();
  readonly #otherModels = new Map<string, number>();

  constructor(options: RecogniserOptions) {
    this.#options = options;
    const { gallery, models } = options;
    this.#index = new FaceIndex(models.manifest.embed.output.shape[1]);
    this.#store =
      gallery &&
      new GalleryStore({
        blobs: gallery,
        describes: false,
        ...(options.onDamaged && { onDamaged: options.onDamaged }),
        onChange: change => {
          if ('removed' in change) this.#index.remove(change.removed);
          else if (change.added.model === models.id)
            this.#index.add(change.added.face, change.added.person, change.added.embedding);
          else
            this.#otherModels.set(change.added.model, (this.#otherModels.get(change.added.model) ?? 0) + 1);
        },
      });
  }

  /** Embeddings of different models cannot be compared: the faces in the gallery that these models did not make. */
  get foreignFaces(): ReadonlyMap<string, number> {
    return this.#otherModels;
  }

  async refresh(): Promise<void> {
    await this.#store?.refresh();
  }

  async decode(bytes: Uint8Array): Promise<Photo> {
    const photo = await this.#options.engine.decode(bytes);
    this.#garbage.add(bytes.length + photo.pixels.length);
    return photo;
  }

  async answer(
    request: Request,
    photo: Photo,
    timings: Timings,
    started: number,
    digest?: string,
  ): Promise<Result> {
    const { engine } = this.#options;
    const all = (more: Timings) =>
      roundedTimings({ ...timings, ...more, total: performance.now() - started });
    if (request.kind === 'recognise') {
      const found = await engine.find(photo);
      return this.#name(request, found, more => all({ ...found.timings, ...more }));
    }
    // The engine takes the pixels over.
    const kept = { ...photo, pixels: photo.pixels.slice() };
    this.#garbage.add(kept.pixels.length);
    const found = await engine.find(photo);
    const face = await this.#enrol(request, found, kept, digest);
    return { ...face, timings: all(found.timings) };
  }

  #name(
    { id, file, ...request }: RecogniseRequest,
    found: Found,
    timings: (more: Timings) => Record<string, number>,
  ): Recognised {
    const { models } = this.#options;
    const { against } = request;
    const began = performance.now();
    if (against !== undefined && !this.#index.embeddingOf(against)) throw faceIsGone();
    const threshold = request.threshold ?? this.#options.threshold(this.#index.size);
    // What is hardly a face and like nobody's is most often a hand, a lapel or a blur.
    const faces = this.#matches(found.faces, threshold)
      .map((match, i) => ({
        ...this.#shown(found.faces[i]!, match, threshold),
        ...(against !== undefined && { against: this.#similarityTo(against, found.faces[i]!) }),
      }))
      .filter(face => face.person !== undefined || face.quality >= models.manifest.thresholds.quality);
    const label = faces.find(face => face.person)?.label ?? (faces.length > 0 ? UNKNOWN : NO_FACE);
    return {
      id,
      file,
      status: 'done',
      label,
      image: found.image,
      faces,
      threshold,
      model: models.id,
      timings: timings({ match: performance.now() - began }),
    };
  }

  /** No person twice in one photo. */
  #matches(faces: readonly FoundFace[], threshold: number): (Match | null)[] {
    const isNamed = (person: string) => this.#store?.gallery.nameOf(person) !== undefined;
    return nameFaces(faces, threshold, ({ embedding }, taken) =>
      this.#index.search(embedding, person => isNamed(person) && !taken.has(person)),
    );
  }

  #shown(found: FoundFace, best: Match | null, threshold: number): Face {
    const face = {
      box: rounded(found.box, 1),
      score: round(found.score, 4),
      landmarks: found.landmarks.map(point => rounded(point, 1)),
      quality: round(found.quality, 3),
    };
    const similarity = best && round(best.similarity, 4);
    const margin = best && best.margin !== null ? round(best.margin, 4) : null;
    const name = best && best.similarity >= threshold ? this.#store?.gallery.nameOf(best.person) : undefined;
    if (!best || name === undefined) return { ...face, label: UNKNOWN, similarity, margin };
    return { ...face, person: best.person, label: name, similarity, margin };
  }

  #similarityTo(face: string, { embedding }: FoundFace): number {
    return round(this.#index.similarityTo(face, embedding) ?? 0, 4);
  }

  /** The gallery as it is now. Throws where the person is not in it. */
  async #storeOf(person: string): Promise<GalleryStore> {
    await this.refresh();
    if (this.#store?.gallery.nameOf(person) === undefined) throw personIsGone();
    return this.#store;
  }

  async #enrol(
    { id, file, person, box: place }: EnrolRequest,
    found: Found,
    photo: Photo,
    digest: string | undefined,
  ): Promise<Omit<Enrolled, 'timings'>> {
    const { models, gallery, keepsPictures = true } = this.#options;
    const least = models.manifest.thresholds.quality;
    const { box, quality, embedding } = place ? faceAt(found, place, least) : chooseFace(found, least);
    const face = {
      ...({ type: 'face', person, face: id, file, model: models.id, quality } as const),
      ...(digest !== undefined && { digest }),
      embedding: pack(embedding),
    } as const;
    const picture = keepsPictures && (await pictureOf(photo, box));
    try {
      const store = await this.#storeOf(person);
      await store.append([face]);
      // After the face, so that there is never a picture of nobody, which no erasure would find.
      if (picture) await gallery?.put(pictureKey(id), picture, { contentType: 'image/jpeg' });
      // Deleted in this very moment? Then the embedding is erased again, and the answer must say so.
      await this.#storeOf(person);
      if (!store.gallery.holds(id)) throw personIsGone();
    } catch (error) {
      // The picture may also be that of an attempt which did not come to its end.
      if (error instanceof Permanent) await gallery?.delete(pictureKey(id));
      throw error;
    }
    const shown = { quality: round(quality, 3), box: rounded(box, 1), model: models.id };
    return { id, file, status: 'done', person, face: id, ...shown };
  }
}

function personIsGone(): Permanent {
  return new Permanent('unknown-person', 'The person was deleted before the photo could be enrolled.');
}

function faceIsGone(): Permanent {
  return new Permanent(
    'unknown-face',
    'The face to compare with was deleted before the photo could be looked at.',
  );
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

function rounded<T extends readonly number[]>(values: T, digits: number): { [I in keyof T]: number } {
  return values.map(value => round(value, digits)) as { [I in keyof T]: number };
}

function roundedTimings(timings: Timings): Record<string, number> {
  return Object.fromEntries(Object.entries(timings).map(([stage, ms]) => [stage, round(ms, 2)]));
}
