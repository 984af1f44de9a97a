import sharp, { type Sharp } from 'sharp';
import { messageOf, Permanent } from '../core/errors.ts';

sharp.concurrency(1);
sharp.cache(false);
// libvips would read SVG, GIF, TIFF, PDF and more: only the loaders of the three formats served are let through.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'],
});

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** RGB bytes, row by row: `pixels.length` = 3 × width × height. */
export interface Raster extends Size {
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** A decoded photo, upright and not larger than `Limits.side`. */
export interface Photo extends Raster {
  /** The upright photo's size before it was made smaller. */
  readonly upright: Size;
  /** The whole photo once more, just fitting into the detector's input without stretching. */
  readonly detectorInput: Raster;
}

export interface Limits {
  /** Photos of more pixels are refused. */
  readonly pixels: number;
  /** Larger photos are reduced to this longest side, px. */
  readonly side: number;
  /** The detector's input, px. */
  readonly detector: Size;
}

/**
 * A JPEG, PNG or WebP file (the first frame of an animated one) as upright sRGB; transparency becomes mid-grey.
 * @throws Permanent `not-an-image`, `unsupported-format`, `corrupt-image` or `too-many-pixels`
 */
export async function decode(bytes: Uint8Array, limits: Limits): Promise<Photo> {
  requireSupported(bytes);
  const upright = await uprightSize(bytes);
  if (upright.width * upright.height > limits.pixels) {
    const megapixels = (n: number) => Math.round(n / 1e5) / 10;
    throw new Permanent(
      'too-many-pixels',
      `The photo has ${upright.width} × ${upright.height} pixels; at most ${megapixels(limits.pixels)} megapixels are read.`,
    );
  }
  const photo = await readable(
    // Ignoring colour profiles halves the CPU time of photos that carry one and changes embeddings little: cosine to the
    // converted photo is at least 0.993 for Display P3 and Adobe RGB, 0.979 for ProPhoto (40 LFW faces).
    sharp(bytes, { ignoreIcc: true, failOn: 'error', limitInputPixels: limits.pixels })
      .autoOrient()
      .resize(limits.side, limits.side, { fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#808080' })
      .toColourspace('srgb'),
  );
  return { ...photo, upright, detectorInput: await fit(photo, limits.detector) };
}

async function uprightSize(bytes: Uint8Array): Promise<Size> {
  try {
    // Reads the header only, so that a photo of any size can be refused by its size.
    const { autoOrient } = await sharp(bytes, { limitInputPixels: false }).metadata();
    return { width: autoOrient.width, height: autoOrient.height };
  } catch (error) {
    throw corrupt(error);
  }
}

async function readable(image: Sharp): Promise<Raster> {
  try {
    return await raster(image);
  } catch (error) {
    throw corrupt(error);
  }
}

const corrupt = (cause: unknown) =>
  new Permanent('corrupt-image', `The photo is damaged or incomplete (${firstLine(messageOf(cause))}).`, {
    cause,
  });

const firstLine = (text: string) => text.split('\n', 1)[0]!;

/** Scaled by one factor to just fit into `box`; small photos are enlarged. */
async function fit(photo: Raster, box: Size): Promise<Raster> {
  const scale = Math.min(box.width / photo.width, box.height / photo.height);
  const width = Math.max(1, Math.round(photo.width * scale));
  const height = Math.max(1, Math.round(photo.height * scale));
  const raw = { width: photo.width, height: photo.height, channels: 3 } as const;
  return raster(sharp(photo.pixels, { raw }).resize(width, height, { fit: 'fill', kernel: 'linear' }));
}

async function raster(image: Sharp): Promise<Raster> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  // A copy, since sharp's own memory cannot be transferred to another thread; that of its toUint8Array can, but leaks (0.35.5).
  return { width, height, pixels: channels === 3 ? new Uint8Array(data) : greyToRgb(data, channels) };
}

/** libvips keeps grey photos as one channel, whatever colour space is asked for. */
function greyToRgb(data: Uint8Array, channels: number): Uint8Array<ArrayBuffer> {
  const rgb = new Uint8Array((data.length / channels) * 3);
  for (let from = 0, to = 0; from < data.length; from += channels, to += 3) {
    rgb.fill(data[from]!, to, to + 3);
  }
  return rgb;
}

/** How files of each format begin, in hex digits. */
const signatures: readonly (readonly [format: string, supported: boolean, start: RegExp])[] = [
  ['JPEG', true, /^ffd8ff/],
  ['PNG', true, /^89504e470d0a1a0a/],
  ['WebP', true, /^52494646.{8}57454250/],
  ['GIF', false, /^47494638/],
  ['TIFF', false, /^(49492[ab]00|4d4d002[ab])/],
  ['BMP', false, /^424d.{8}00000000/],
  ['ICO', false, /^00000[12]00..00/],
  ['PDF', false, /^25504446/],
  ['SVG', false, /^(efbbbf)?(09|0a|0d|20)*(3c(..)*)?3c737667/],
  ['HEIC or AVIF', false, /^.{8}66747970(6865|6d6966|6d7366|617669)/],
  ['JPEG XL', false, /^(ff0a|0000000c4a584c20)/],
  ['JPEG 2000', false, /^(ff4fff51|0000000c6a502020)/],
  ['Photoshop', false, /^38425053/],
];

function requireSupported(bytes: Uint8Array): void {
  const start = Buffer.from(bytes.subarray(0, 1024)).toString('hex');
  const known = signatures.find(([, , signature]) => signature.test(start));
  if (known === undefined) {
    throw new Permanent('not-an-image', 'The file is not a photo: send a JPEG, PNG or WebP file.');
  }
  const [format, supported] = known;
  if (!supported) {
    throw new Permanent('unsupported-format', `${format} files are not read: send a JPEG, PNG or WebP file.`);
  }
}
