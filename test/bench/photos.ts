import sharp from 'sharp';
import { type Portrait, portrait } from '../support/photos.ts';

/** A portrait as a camera of 12 megapixels would have taken it: 4000 × 3000, with noise. */
export async function largePhoto(name: Portrait): Promise<Uint8Array> {
  const noise = { type: 'gaussian', mean: 128, sigma: 25 } as const;
  const face = await sharp(await portrait(name))
    .resize(2400, 2400)
    .png()
    .toBuffer();
  return sharp({ create: { width: 4000, height: 3000, channels: 3, background: '#888', noise } })
    .composite([{ input: face, left: 800, top: 300 }])
    .jpeg({ quality: 90 })
    .toBuffer();
}
