import { expect, test } from 'bun:test';
import sharp from 'sharp';
import { decode } from '../../../src/face/image.ts';
import { pictureOf } from '../../../src/face/picture.ts';
import { withOrientation } from '../../support/photos.ts';
import { limits } from './stages.ts';

/** A grey photo with a red rectangle where the face is. */
const photo = (width: number, height: number, [left, top, w, h]: readonly [number, number, number, number]) =>
  sharp({ create: { width, height, channels: 3, background: '#808080' } })
    .composite([
      { input: { create: { width: w, height: h, channels: 3, background: '#ff0000' } }, left, top },
    ])
    .png()
    .toBuffer();

/** Size of the picture, and the share of it that is red. */
async function seen(picture: Uint8Array) {
  const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
  let red = 0;
  for (let at = 0; at < data.length; at += 3) if (data[at]! > 190 && data[at + 1]! < 80) red++;
  return { width: info.width, height: info.height, red: red / (info.width * info.height) };
}

const square = 1 / 1.5 ** 2;

test.each([
  ['in the middle', 800, 600, [300, 200, 100, 100], [150, 150], square],
  ['large: made smaller', 1200, 1200, [300, 300, 600, 600], [256, 256], square],
  ['narrow: the longer side counts', 800, 600, [300, 200, 50, 100], [150, 150], square / 2],
  ['in a corner: as far as the photo goes', 800, 600, [0, 0, 100, 100], [125, 125], 1 / 1.25 ** 2],
  ['as large as the photo', 90, 120, [0, 0, 90, 120], [90, 120], 1],
] as const)('a face %s', async (_, width, height, box, size, red) => {
  const picture = await pictureOf(await decode(await photo(width, height, box), limits), box);
  const shown = await seen(picture);
  expect([shown.width, shown.height]).toEqual([...size]);
  expect(shown.red).toBeCloseTo(red, 1);
});

test('a large photo, turned by its EXIF orientation: places are those of the upright one as it was sent', async () => {
  const box = [3000, 400, 600, 600] as const;
  const sent = await withOrientation(await photo(4000, 2000, box), 6);
  const picture = await pictureOf(await decode(sent, limits), box);
  const { width, height, red } = await seen(picture);
  expect([width, height]).toEqual([256, 256]);
  expect(red).toBeCloseTo(square, 1);
  const metadata = await sharp(picture).metadata();
  expect([metadata.format, metadata.exif, metadata.icc]).toEqual(['jpeg', undefined, undefined]);
  expect(picture.length).toBeLessThan(20_000);
});

test('a box of no size at the very edge still gives a picture', async () => {
  const decoded = await decode(await photo(100, 100, [0, 0, 100, 100]), limits);
  expect((await seen(await pictureOf(decoded, [100, 100, 0, 0]))).width).toBe(1);
});
