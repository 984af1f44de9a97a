import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Permanent } from '../../../src/core/errors.ts';
import { chooseFace } from '../../../src/face/enrolment.ts';
import { decode } from '../../../src/face/image.ts';
import type { Found, FoundFace } from '../../../src/face/recognise.ts';
import { groupPhoto, portraits } from '../../support/photos.ts';
import { decoded, limits, recogniser } from './stages.ts';

const MIN_QUALITY = 2.4;
const face = (box: FoundFace['box'], quality = 3): FoundFace => ({
  box,
  quality,
  score: 1,
  landmarks: [
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ],
  embedding: new Float32Array(1),
});
const photo = (...faces: FoundFace[]): Found => ({
  image: { width: 1000, height: 1000 },
  faces,
  timings: { detect: 0, landmarks: 0, align: 0, embed: 0 },
});
function reasonOf(found: Found): string {
  try {
    chooseFace(found, MIN_QUALITY);
  } catch (error) {
    if (error instanceof Permanent) return error.reason;
    throw error;
  }
  return 'chosen';
}

describe('chooseFace', () => {
  const central = face([400, 400, 200, 200]);

  test('takes the only face, wherever it is', () => {
    const corner = face([0, 0, 50, 50]);
    expect(chooseFace(photo(corner), MIN_QUALITY)).toBe(corner);
  });

  test('refuses a photo without a face, or without a good one', () => {
    expect(reasonOf(photo())).toBe('no-face');
    expect(reasonOf(photo(face([400, 400, 200, 200], 2.3)))).toBe('low-quality');
  });

  test('overlooks bad detections and small people in the background', () => {
    expect(chooseFace(photo(face([450, 450, 400, 400], 1), central), MIN_QUALITY)).toBe(central);
    expect(chooseFace(photo(face([450, 450, 99, 99]), central), MIN_QUALITY)).toBe(central);
  });

  test('takes the largest where it is alone in the middle', () => {
    expect(chooseFace(photo(central, face([0, 400, 180, 180])), MIN_QUALITY)).toBe(central);
  });

  test('refuses when it is not clear who is meant', () => {
    expect(reasonOf(photo(face([380, 400, 120, 120]), face([520, 400, 120, 120])))).toBe('several-faces');
    expect(reasonOf(photo(face([0, 400, 200, 200]), face([800, 400, 200, 200])))).toBe('several-faces');
    expect(reasonOf(photo(central, face([0, 400, 220, 220])))).toBe('several-faces');
  });

  test('judges real photos', async () => {
    const find = async (bytes: Uint8Array) => recogniser.find(await decode(bytes, limits));
    expect(reasonOf(await recogniser.find(await decoded(portraits.avatar)))).toBe('chosen');
    expect(reasonOf(await recogniser.find(await decoded(portraits['avatar-3'])))).toBe('low-quality');
    expect(reasonOf(await find(await groupPhoto(['avatar', 'avatar-2'])))).toBe('several-faces');
  });

  const people = join(import.meta.dir, '../../../../shared/faces/people');
  test.skipIf(!existsSync(people))(
    'accepts 40 portraits of Labeled Faces in the Wild (../shared/faces)',
    async () => {
      for (const name of readdirSync(people)) {
        const found = await recogniser.find(await decoded(join(people, name, `${name}_0001.jpg`)));
        expect([name, reasonOf(found)]).toEqual([name, 'chosen']);
        expect(chooseFace(found, MIN_QUALITY)).toBe(found.faces[0]!);
      }
    },
  );
});
