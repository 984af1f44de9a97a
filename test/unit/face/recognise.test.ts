import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { decode } from '../../../src/face/image.ts';
import { byProminence, openRecogniser } from '../../../src/face/recognise.ts';
import * as photos from '../../support/photos.ts';
import golden from './golden.json';
import { cosine, decoded, difference, limits, models, recogniser } from './stages.ts';

const find = async (bytes: Uint8Array) => recogniser.find(await decode(bytes, limits));
const corners = ([x, y, width, height]: readonly [number, number, number, number]) => [
  x,
  y,
  x + width,
  y + height,
];

describe('find', () => {
  for (const name of photos.portraitNames) {
    test(`recognises ${name} as the reference does`, async () => {
      const { image, faces, timings } = await recogniser.find(await decoded(photos.portraits[name]));
      const expected = golden.photos[name];
      expect(image).toEqual({ width: 200, height: 200 });
      expect(faces).toHaveLength(expected.faces);
      const [face] = faces;
      expect(difference(corners(face!.box), expected.box)).toBeLessThan(0.05);
      expect(difference(face!.landmarks.flat(), expected.points.flat())).toBeLessThan(0.05);
      expect(Math.abs(face!.quality - expected.quality)).toBeLessThan(0.005);
      expect(cosine(face!.embedding, expected.embedding)).toBeGreaterThan(0.999);
      expect(Object.keys(timings)).toEqual(['detect', 'landmarks', 'align', 'embed']);
    });
  }

  test('tells the five people apart', async () => {
    const embeddings = photos.portraitNames.map(name => golden.photos[name].embedding);
    for (const [i, one] of embeddings.entries()) {
      for (const other of embeddings.slice(0, i)) {
        expect(cosine(one, other)).toBeLessThan(models.manifest.thresholds.similarity);
      }
    }
  });

  test('gives the same embedding whatever the file format', async () => {
    const portrait = await photos.portrait('avatar-2');
    for (const [name, make] of Object.entries(photos.variants)) {
      const { faces } = await find(await make(portrait));
      expect([name, faces.length]).toEqual([name, 1]);
      expect(cosine(faces[0]!.embedding, golden.photos['avatar-2'].embedding)).toBeGreaterThan(0.98);
    }
    const { faces } = await find(await photos.grey(portrait));
    expect(cosine(faces[0]!.embedding, golden.photos['avatar-2'].embedding)).toBeGreaterThan(0.85);
  });

  test('gives the same embedding and place for all EXIF orientations', async () => {
    const portrait = await photos.portrait('avatar-5');
    for (let orientation = 1; orientation <= 8; orientation++) {
      const { faces } = await find(await photos.withOrientation(portrait, orientation));
      expect(cosine(faces[0]!.embedding, golden.photos['avatar-5'].embedding)).toBeGreaterThan(0.98);
      expect(difference(corners(faces[0]!.box), golden.photos['avatar-5'].box)).toBeLessThan(2);
    }
  });

  test('answers in pixels of the photo as it was sent', async () => {
    const { image, faces } = await find(await photos.groupPhoto(['avatar', 'avatar-4', 'avatar-5'], 1000));
    expect(image).toEqual({ width: 3000, height: 1000 });
    expect(faces).toHaveLength(3);
    const columns = faces.map(({ box, landmarks }) => {
      const column = Math.floor(box[0] / 1000);
      for (const [x] of landmarks) expect(Math.floor(x / 1000)).toBe(column);
      return column;
    });
    expect(columns[0]).toBe(1);
    expect(columns.toSorted()).toEqual([0, 1, 2]);
    for (const [i, name] of (['avatar', 'avatar-4', 'avatar-5'] as const).entries()) {
      const face = faces[columns.indexOf(i)]!;
      expect(cosine(face.embedding, golden.photos[name].embedding)).toBeGreaterThan(0.9);
    }
  });

  test('keeps boxes inside the photo', async () => {
    const { default: sharp } = await import('sharp');
    const cut = await sharp(await photos.portrait('avatar-4'))
      .extract({ left: 60, top: 70, width: 80, height: 90 })
      .png()
      .toBuffer();
    const { faces } = await find(cut);
    for (const { box } of faces) {
      const [left, top, right, bottom] = corners(box);
      expect(Math.min(left!, top!)).toBeGreaterThanOrEqual(0);
      expect(right!).toBeLessThanOrEqual(80);
      expect(bottom!).toBeLessThanOrEqual(90);
    }
  });

  test('finds nothing where there is nobody, in photos of any shape', async () => {
    for (const [width, height] of [
      [1, 1],
      [640, 480],
      [1, 5000],
      [5000, 1],
    ] as const) {
      const { image, faces } = await find(await photos.blank(width, height));
      expect(image).toEqual({ width, height });
      expect(faces).toEqual([]);
    }
  });
});

test('models that are not what the manifest says are refused at once', async () => {
  const { manifest } = models;
  const embed = { ...manifest.embed, output: { ...manifest.embed.output, shape: [1, 128] as [1, number] } };
  const wrongLength = openRecogniser({ ...models, manifest: { ...manifest, embed } });
  await expect(wrongLength).rejects.toThrow('embed model: output output has shape [1, 512], not [1, 128]');
  const wrongName = {
    ...manifest,
    detect: { ...manifest.detect, input: { ...manifest.detect.input, name: 'data' } },
  };
  await expect(openRecogniser({ ...models, manifest: wrongName })).rejects.toThrow(
    'detect model: input data is missing',
  );
});

test('large faces near the middle come first', () => {
  const photo = { width: 100, height: 100 };
  const detection = (left: number, side: number) => ({
    score: 1,
    corners: [left, 40, left + side, 40 + side] as const,
  });
  const [small, central, edge] = [detection(45, 10), detection(40, 20), detection(0, 22)];
  expect(byProminence([edge!, small!, central!], photo)).toEqual([central!, small!, edge!]);
});

describe('the recipe’s numbers for Labeled Faces in the Wild (../shared/faces)', () => {
  const folder = join(import.meta.dir, '../../../../shared/faces');
  const GoldenSchema = v.object({
    photos: v.record(
      v.string(),
      v.object({
        faces: v.number(),
        box: v.array(v.number()),
        points: v.array(v.array(v.number())),
        quality: v.number(),
        embedding: v.array(v.number()),
      }),
    ),
  });
  test.skipIf(!existsSync(folder))('are met', async () => {
    const reference = v.parse(GoldenSchema, await Bun.file(join(folder, 'golden.json')).json());
    for (const [file, expected] of Object.entries(reference.photos)) {
      const { faces } = await recogniser.find(await decoded(join(folder, file)));
      expect([file, faces.length]).toEqual([file, expected.faces]);
      expect(difference(corners(faces[0]!.box), expected.box)).toBeLessThan(0.05);
      expect(difference(faces[0]!.landmarks.flat(), expected.points.flat())).toBeLessThan(0.05);
      expect(Math.abs(faces[0]!.quality - expected.quality)).toBeLessThan(0.005);
      expect(cosine(faces[0]!.embedding, expected.embedding)).toBeGreaterThan(0.999);
    }
  });
});
