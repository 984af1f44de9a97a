import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import sharp from 'sharp';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import type { EnrolRequest, RecogniseRequest } from '../../../src/core/messages.ts';
import type { Recognised } from '../../../src/core/results.ts';
import type { Engine } from '../../../src/face/engine.ts';
import { decode } from '../../../src/face/image.ts';
import { pictureKey } from '../../../src/gallery/erase.ts';
import { GalleryStore } from '../../../src/gallery/store.ts';
import { Recogniser } from '../../../src/worker/recogniser.ts';
import { groupPhoto, portrait } from '../../support/photos.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { wrapBlobs } from '../../support/wrap.ts';
import { cosine, recogniser as finder, limits, models } from '../face/stages.ts';

/** The real models in this thread; takes the pixels over as the real engine does. */
const engine: Engine = {
  decode: bytes => decode(bytes, limits),
  async find(photo) {
    const found = await finder.find(photo);
    photo.pixels.buffer.transfer();
    return found;
  },
  close: async () => {},
  failed: new Promise(() => {}),
};

const enrolment = (person = 'ada'): EnrolRequest => ({
  ...{ v: 1, kind: 'enrol', id: Bun.randomUUIDv7(), file: 'a.jpg', person },
});

async function world() {
  const gallery = await LocalBlobs.open(join(temporaryDirectory(), 'gallery'));
  const people = new GalleryStore({ blobs: gallery });
  await people.append([{ type: 'person', person: 'ada', name: 'Ada', at: Bun.randomUUIDv7() }]);
  const over = (blobs: typeof gallery) =>
    new Recogniser({ engine, models, gallery: blobs, threshold: () => 0.4 });
  const recogniser = over(gallery);
  const answer = async (request: EnrolRequest | RecogniseRequest, bytes: Uint8Array, by = recogniser) => {
    await by.refresh();
    return by.answer(request, await by.decode(bytes), {}, performance.now());
  };
  return { gallery, people, over, recogniser, answer };
}

describe('enrolment', () => {
  test('keeps a picture of the face', async () => {
    const { gallery, answer } = await world();
    const request = enrolment();
    expect(await answer(request, await portrait('avatar-2'))).toMatchObject({
      status: 'done',
      face: request.id,
    });
    const { width, height, format } = await sharp(
      (await gallery.get(pictureKey(request.id)))!.body,
    ).metadata();
    expect([width, height, format]).toEqual([expect.any(Number), expect.any(Number), 'jpeg']);
    expect(Math.max(width, height)).toBeLessThanOrEqual(256);
  });

  test('keeps none where none is wanted', async () => {
    const { gallery, answer } = await world();
    const recogniser = new Recogniser({
      engine,
      models,
      gallery,
      threshold: () => 0.4,
      keepsPictures: false,
    });
    expect(await answer(enrolment(), await portrait('avatar-2'), recogniser)).toMatchObject({
      status: 'done',
    });
    expect(await gallery.list('faces/')).toEqual([]);
  });

  test('of one face among several keeps that one’s picture', async () => {
    const { gallery, answer } = await world();
    const bytes = await groupPhoto(['avatar-2', 'avatar-4']);
    const request = { ...enrolment(), box: [240, 30, 100, 130] } as const;
    expect(await answer(request, bytes)).toMatchObject({ status: 'done' });
    const picture = (await gallery.get(pictureKey(request.id)))!.body;
    const embeddingOf = async (photo: Uint8Array) =>
      (await finder.find(await decode(photo, limits))).faces[0]!.embedding;
    const shown = await embeddingOf(picture);
    const same = cosine(shown, await embeddingOf(await portrait('avatar-4')));
    const other = cosine(shown, await embeddingOf(await portrait('avatar-2')));
    expect(same).toBeGreaterThan(0.8);
    expect(other).toBeLessThan(0.4);
  });

  test('that ended before its picture was stored is complete when it comes round again', async () => {
    const { gallery, people, over, recogniser, answer } = await world();
    const request = enrolment();
    let dying = true;
    const failing = wrapBlobs(gallery, {
      put: async (key, body, options) => {
        if (dying && key.startsWith('faces/')) throw new Error('the power went');
        return gallery.put(key, body, options);
      },
    });
    const bytes = await portrait('avatar-2');
    await expect(answer(request, bytes, over(failing as typeof gallery))).rejects.toThrow('the power went');
    dying = false;
    expect(await answer(request, bytes, recogniser)).toMatchObject({ status: 'done' });
    expect(await gallery.get(pictureKey(request.id))).toBeDefined();
    await people.refresh();
    expect(people.gallery.person('ada')?.faces).toHaveLength(1);
  });

  test('of somebody who was deleted meanwhile leaves no picture', async () => {
    const { gallery, people, answer } = await world();
    const request = enrolment();
    // Of an attempt that was killed.
    await gallery.put(pictureKey(request.id), new Uint8Array([1]));
    await people.append([{ type: 'person-removed', person: 'ada', at: Bun.randomUUIDv7() }]);
    await expect(answer(request, await portrait('avatar-2'))).rejects.toMatchObject({
      reason: 'unknown-person',
    });
    expect(await gallery.list('faces/')).toEqual([]);
  });

  test('of a face that was deleted while its picture was stored leaves none', async () => {
    const { gallery, people, over, answer } = await world();
    const request = enrolment();
    const meanwhile = wrapBlobs(gallery, {
      put: async (key, body, options) => {
        const stored = await gallery.put(key, body, options);
        if (key.startsWith('faces/'))
          await people.append([{ type: 'face-removed', face: request.id, at: Bun.randomUUIDv7() }]);
        return stored;
      },
    });
    await expect(
      answer(request, await portrait('avatar-2'), over(meanwhile as typeof gallery)),
    ).rejects.toMatchObject({ reason: 'unknown-person' });
    expect(await gallery.list('faces/')).toEqual([]);
  });
});

describe('a photo against one enrolled face', () => {
  const recognition = (against: string): RecogniseRequest => ({
    ...{ v: 1, kind: 'recognise', id: Bun.randomUUIDv7(), file: 'b.jpg', against },
  });

  test('each face is told how similar it is to that one', async () => {
    const { answer } = await world();
    const request = enrolment();
    await answer(request, await portrait('avatar-2'));
    const bytes = await groupPhoto(['avatar-2', 'avatar-4']);
    const { faces } = (await answer(recognition(request.id), bytes)) as Recognised;
    const fromLeft = faces.toSorted((a, b) => a.box[0] - b.box[0]);
    expect(fromLeft[0]!.against).toBeGreaterThan(0.9);
    expect(fromLeft[1]!.against).toBeLessThan(0.4);
    expect(fromLeft[0]!.against).toBe(fromLeft[0]!.similarity!);
  });

  test('that is not there any more fails for good', async () => {
    const { answer } = await world();
    const request = recognition(Bun.randomUUIDv7());
    await expect(answer(request, await portrait('avatar-2'))).rejects.toMatchObject({
      reason: 'unknown-face',
    });
  });
});
