import sharp from 'sharp';
import type { Photo } from './image.ts';

/** Longest side, px: sharp in a list on screens of twice the density. */
const SIDE = 256;
/** The cut is a square around the face of so many times its longer side, as far as the photo goes. */
const ROOM = 1.5;
const QUALITY = 80;

type Box = readonly [x: number, y: number, width: number, height: number];

/**
 * The face alone, for people to look at: a JPEG without any metadata, about 10 kB.
 * @param box in pixels of the upright photo as it was sent
 */
export async function pictureOf(photo: Omit<Photo, 'detectorInput'>, box: Box): Promise<Uint8Array> {
  const { pixels, width, height, upright } = photo;
  const scale = width / upright.width;
  const [x, y, w, h] = box.map(value => value * scale) as [number, number, number, number];
  const side = ROOM * Math.max(w, h);
  const [left, right] = within(x + w / 2, side, width);
  const [top, bottom] = within(y + h / 2, side, height);
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .extract({ left, top, width: right - left, height: bottom - top })
    .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: QUALITY })
    .toBuffer();
}

/** From where to where, in whole pixels of which there is at least one. */
function within(middle: number, side: number, end: number): [from: number, to: number] {
  const from = Math.min(end - 1, Math.max(0, Math.round(middle - side / 2)));
  return [from, Math.max(from + 1, Math.min(end, Math.round(middle + side / 2)))];
}
