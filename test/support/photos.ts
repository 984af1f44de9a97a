import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

const avatar = (name: string) =>
  join(import.meta.dir, `../../node_modules/@adminkit/core/dist/img/avatars/${name}.jpg`);

/** Portraits of five different people, 200 × 200 JPEG (@adminkit/core, MIT). `avatar-3` lies just below the quality threshold. */
export const portraits = {
  avatar: avatar('avatar'),
  'avatar-2': avatar('avatar-2'),
  'avatar-3': avatar('avatar-3'),
  'avatar-4': avatar('avatar-4'),
  'avatar-5': avatar('avatar-5'),
} as const;
export type Portrait = keyof typeof portraits;
export const portraitNames: readonly Portrait[] = ['avatar', 'avatar-2', 'avatar-3', 'avatar-4', 'avatar-5'];

/** The file's bytes. */
export const portrait = (name: Portrait): Promise<Uint8Array> => Bun.file(portraits[name]).bytes();

/** The portraits side by side, each `size` px wide and high. */
export async function groupPhoto(names: readonly Portrait[], size = 200): Promise<Uint8Array> {
  const tiles = await Promise.all(
    names.map(async (name, i) => ({
      input: await sharp(await portrait(name))
        .resize(size, size)
        .png()
        .toBuffer(),
      left: i * size,
      top: 0,
    })),
  );
  return sharp({ create: { width: names.length * size, height: size, channels: 3, background: '#888' } })
    .composite(tiles)
    .jpeg({ quality: 95 })
    .toBuffer();
}

/** How to turn and mirror an upright photo so that the EXIF orientation brings it back. */
const orientations: readonly [turn: number, mirror: boolean][] = [
  [0, false],
  [0, true],
  [180, false],
  [180, true],
  [90, true],
  [270, false],
  [270, true],
  [90, false],
];

/** The photo stored turned or mirrored, with the EXIF orientation 1 to 8 that says so. */
export async function withOrientation(photo: Uint8Array, orientation: number): Promise<Uint8Array> {
  const [turn, mirror] = orientations[orientation - 1]!;
  const turned = await sharp(photo).rotate(turn).png().toBuffer();
  return sharp(turned).flop(mirror).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
}

/** The same photo in other files; each is readable. */
export const variants: Readonly<Record<string, (photo: Uint8Array) => Promise<Uint8Array>>> = {
  png: photo => sharp(photo).png().toBuffer(),
  'interlaced png': photo => sharp(photo).png({ progressive: true }).toBuffer(),
  '16-bit png': photo => sharp(photo).toColourspace('rgb16').png().toBuffer(),
  'palette png': photo => sharp(photo).png({ palette: true, colours: 256 }).toBuffer(),
  'png with transparency': photo => sharp(photo).ensureAlpha().png().toBuffer(),
  webp: photo => sharp(photo).webp({ quality: 95 }).toBuffer(),
  'lossless webp': photo => sharp(photo).webp({ lossless: true }).toBuffer(),
  'animated webp': async photo =>
    sharp([photo, await sharp(photo).negate().png().toBuffer()], { join: { animated: true } })
      .webp({ quality: 95 })
      .toBuffer(),
  'progressive jpeg': photo => sharp(photo).jpeg({ quality: 95, progressive: true }).toBuffer(),
  'jpeg with a wide gamut': photo => sharp(photo).withIccProfile('p3').jpeg({ quality: 95 }).toBuffer(),
  'cmyk jpeg': photo => sharp(photo).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer(),
};

export const grey = (photo: Uint8Array): Promise<Uint8Array> =>
  sharp(photo).greyscale().jpeg({ quality: 95 }).toBuffer();

/** The first part of a file. */
export const truncated = (file: Uint8Array, share = 0.5): Uint8Array => file.slice(0, file.length * share);

/** A PNG of one colour. */
export const blank = (width: number, height: number): Promise<Uint8Array> =>
  sharp({ create: { width, height, channels: 3, background: '#7090b0' } })
    .png()
    .toBuffer();

/** A valid black-and-white PNG of a few dozen kilobytes, whatever its size in pixels. */
export function bombPng(width = 20_000, height = 20_000): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const rows = deflateSync(Buffer.alloc(height * (1 + Math.ceil(width / 8))), { level: 1 });
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, checksum]);
  };
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', rows),
    chunk('IEND', new Uint8Array()),
  ]);
}

const text = (content: string): Promise<Uint8Array> => Promise.resolve(Buffer.from(content, 'latin1'));
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';

/** Files of formats that are not read. */
export const foreignFiles: Readonly<Record<string, () => Promise<Uint8Array>>> = {
  svg: () => text(svg),
  'svg with a prologue': () => text(`<?xml version="1.0"?>\n<!-- drawn -->\n${svg}`),
  gif: async () =>
    sharp(await portrait('avatar'))
      .gif()
      .toBuffer(),
  tiff: async () =>
    sharp(await portrait('avatar'))
      .tiff()
      .toBuffer(),
  avif: async () =>
    sharp(await blank(64, 64))
      .avif()
      .toBuffer(),
  bmp: () =>
    text(`BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0${'\0'.repeat(28)}`),
  ico: () => text(`\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0\x68\x04\0\0\x16\0\0\0${'\0'.repeat(40)}`),
  pdf: () => text('%PDF-1.7\n1 0 obj\n<<>>\nendobj\n'),
};
