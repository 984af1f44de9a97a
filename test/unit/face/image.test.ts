import { describe, expect, test } from 'bun:test';
import { Permanent } from '../../../src/core/errors.ts';
import { decode } from '../../../src/face/image.ts';
import * as photos from '../../support/photos.ts';
import { limits } from './stages.ts';

const portrait = await photos.portrait('avatar');

async function reasonOf(bytes: Uint8Array): Promise<string> {
  const error: unknown = await decode(bytes, limits).catch((thrown: unknown) => thrown);
  if (!(error instanceof Permanent)) throw new Error('decoded, or failed otherwise', { cause: error });
  expect(error.message).toMatch(/^[A-Z].*\.$/);
  return error.reason;
}

/** Mean of |difference| a byte. */
const distance = (one: Uint8Array, other: Uint8Array) =>
  one.reduce((sum, value, i) => sum + Math.abs(value - other[i]!), 0) / one.length;

describe('decode', () => {
  test('gives RGB pixels, and the same for the detector', async () => {
    const photo = await decode(portrait, limits);
    expect([photo.width, photo.height, photo.pixels.length]).toEqual([200, 200, 120_000]);
    expect(photo.upright).toEqual({ width: 200, height: 200 });
    const { width, height, pixels } = photo.detectorInput;
    expect([width, height, pixels.length]).toEqual([240, 240, 172_800]);
  });

  for (const [name, make] of Object.entries(photos.variants)) {
    test(`reads a ${name}`, async () => {
      const photo = await decode(await make(portrait), limits);
      const original = await decode(portrait, limits);
      expect([photo.width, photo.height, photo.pixels.length]).toEqual([200, 200, 120_000]);
      expect(distance(photo.pixels, original.pixels)).toBeLessThan(name.startsWith('cmyk') ? 12 : 5);
    });
  }

  for (let orientation = 1; orientation <= 8; orientation++) {
    test(`turns EXIF orientation ${orientation} upright`, async () => {
      const wide = await photos.groupPhoto(['avatar', 'avatar-4']);
      const photo = await decode(await photos.withOrientation(wide, orientation), limits);
      expect(photo.upright).toEqual({ width: 400, height: 200 });
      expect([photo.width, photo.height]).toEqual([400, 200]);
      expect(distance(photo.pixels, (await decode(wide, limits)).pixels)).toBeLessThan(3);
    });
  }

  test('makes three equal channels of a grey photo', async () => {
    const { pixels, width, height } = await decode(await photos.grey(portrait), limits);
    expect(pixels.length).toBe(3 * width * height);
    expect(pixels.every((value, i) => value === pixels[i - (i % 3)])).toBe(true);
  });

  test('puts mid-grey behind transparency', async () => {
    const { default: sharp } = await import('sharp');
    const clear = await sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    const { pixels } = await decode(clear, limits);
    expect(pixels.every(value => value === 0x80)).toBe(true);
  });

  test('makes large photos smaller and remembers their size', async () => {
    const photo = await decode(await photos.blank(4000, 3000), limits);
    expect(photo.upright).toEqual({ width: 4000, height: 3000 });
    expect([photo.width, photo.height]).toEqual([1280, 960]);
    expect([photo.detectorInput.width, photo.detectorInput.height]).toEqual([320, 240]);
  });

  for (const [width, height] of [
    [1, 1],
    [1, 5000],
    [5000, 1],
    [2, 3],
  ] as const) {
    test(`reads a photo of ${width} × ${height} pixels`, async () => {
      const photo = await decode(await photos.blank(width, height), limits);
      expect(photo.upright).toEqual({ width, height });
      expect(photo.pixels.length).toBe(3 * photo.width * photo.height);
      expect(photo.detectorInput.width).toBeLessThanOrEqual(320);
      expect(photo.detectorInput.height).toBeLessThanOrEqual(240);
    });
  }
});

describe('decode refuses', () => {
  test('what is no image', async () => {
    for (const bytes of [new Uint8Array(), Buffer.from('hello'), new Uint8Array(5000).fill(7)]) {
      expect(await reasonOf(bytes)).toBe('not-an-image');
    }
  });

  for (const [name, make] of Object.entries(photos.foreignFiles)) {
    test(`a ${name}`, async () => expect(await reasonOf(await make())).toBe('unsupported-format'));
  }

  test('truncated files', async () => {
    const png = await photos.variants.png!(portrait);
    const webp = await photos.variants.webp!(portrait);
    for (const file of [portrait, png, webp]) {
      for (const share of [0.01, 0.3, 0.9]) {
        expect(await reasonOf(photos.truncated(file, Math.max(share, 16 / file.length)))).toBe(
          'corrupt-image',
        );
      }
    }
  });

  test('garbage that starts like a photo', async () => {
    const garbage = new Uint8Array(4000).fill(0xa7);
    garbage.set(portrait.subarray(0, 20));
    expect(await reasonOf(garbage)).toBe('corrupt-image');
  });

  test('more pixels than allowed, by the header alone', async () => {
    expect(await reasonOf(photos.bombPng())).toBe('too-many-pixels');
    expect(await reasonOf(photos.bombPng(10_000, 5_001))).toBe('too-many-pixels');
  });
});
