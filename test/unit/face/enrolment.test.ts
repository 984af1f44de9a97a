import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { Permanent } from '../../../src/core/errors.ts';
import { chooseFace, faceAt } from '../../../src/face/enrolment.ts';
import { decode } from '../../../src/face/image.ts';
import type { Found, FoundFace } from '../../../src/face/recognise.ts';
import { groupPhoto, portraits } from '../../support/photos.ts';
import { decoded, limits, recogniser } from './stages.ts';

const MIN_QUALITY = 2.4;
const fine = { size: 100, inside: 1, brightness: 130, contrast: 40, sharpness: 0.3, turn: 0.1 };
const face = (
  box: FoundFace['box'],
  quality = 3,
  measures: Partial<FoundFace['measures']> = {},
): FoundFace => ({
  measures: { ...fine, ...measures },
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

describe('faceAt', () => {
  const left = face([100, 100, 100, 100]);
  const right = face([190, 100, 100, 100]);
  const at = (x: number, y: number, w: number, h: number) =>
    faceAt(photo(left, right), [x, y, w, h], MIN_QUALITY);

  test('takes the face that is pointed at, whoever else is there', () => {
    expect(at(100, 100, 100, 100)).toBe(left);
    expect(at(185, 104, 100, 100)).toBe(right);
    expect(at(190, 100, 100, 60)).toBe(right);
  });

  test('refuses a place where no face is', () => {
    for (const place of [
      () => at(500, 500, 100, 100),
      () => at(100, 100, 20, 20),
      () => at(0, 0, 1000, 1000),
    ])
      expect(place).toThrow('No face was found at that place');
    expect(() => faceAt(photo(), [0, 0, 9, 9], MIN_QUALITY)).toThrow('No face was found');
  });

  test('a bad picture of a face is refused all the same', () => {
    const blurred = face([0, 0, 100, 100], 3, { sharpness: 0.01 });
    expect(() => faceAt(photo(blurred), [0, 0, 100, 100], MIN_QUALITY)).toThrow('blurred');
  });
});

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

  test.each<[string, Partial<FoundFace['measures']>]>([
    ['too-small', { size: 23 }],
    ['cut-off', { inside: 0.6 }],
    ['too-dark', { brightness: 15 }],
    ['too-blurred', { sharpness: 0.05 }],
    ['too-turned', { turn: 0.7 }],
  ])('refuses a face that is %s, whatever its quality', (reason, measures) => {
    const box = [400, 400, 200, 200] as const;
    expect(reasonOf(photo(face(box, 3, measures)))).toBe(reason);
    expect(reasonOf(photo(face(box, 2, measures)))).toBe(reason);
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

  test('tells what is wrong with real photos', async () => {
    const bytes = await Bun.file(portraits.avatar).bytes();
    const judge = async (worse: Sharp) =>
      reasonOf(await recogniser.find(await decode(await worse.jpeg({ quality: 95 }).toBuffer(), limits)));
    const { box } = (await recogniser.find(await decode(bytes, limits))).faces[0]!;
    const [left, , width] = box;
    expect(await judge(sharp(bytes).blur(width / 20))).toBe('too-blurred');
    expect(await judge(sharp(bytes).linear(0.12, 0))).toBe('too-dark');
    const small = await sharp(bytes)
      .resize(Math.round((200 * 20) / width))
      .toBuffer();
    const canvas = sharp({ create: { width: 80, height: 60, channels: 3, background: '#888' } });
    expect(await judge(canvas.composite([{ input: small, left: 20, top: 5 }]))).toBe('too-small');
    const cut = { left: 0, top: 0, width: Math.round(left + 0.6 * width), height: 200 };
    expect(await judge(sharp(bytes).extract(cut))).toBe('cut-off');
    expect(await judge(sharp(bytes).blur(1))).toBe('chosen');
    expect(await judge(sharp(bytes).linear(0.4, 0))).toBe('chosen');
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
