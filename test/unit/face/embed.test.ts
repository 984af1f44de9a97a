import { describe, expect, test } from 'bun:test';
import { embed, normalise, packFace } from '../../../src/face/embed.ts';
import { portraitNames, portraits } from '../../support/photos.ts';
import golden from './golden.json';
import { cosine, decoded, models, networks } from './stages.ts';

const model = models.manifest.embed;

describe('embed', () => {
  for (const name of portraitNames) {
    test(`cuts out and embeds ${name} as the reference does`, async () => {
      const { matrix, crop, quality, embedding } = golden.photos[name];
      const [a, b, c, d, e, f] = matrix;
      packFace(await decoded(portraits[name]), [a!, b!, c!, d!, e!, f!], networks.embed, model);
      const plane = 112 * 112;
      // The input holds blue, green and red planes of (value − 127.5) / 127.5.
      const value = (channel: number, at: number) =>
        networks.embed.input[(2 - channel) * plane + at]! * 127.5 + 127.5;
      for (const [channel, mean] of crop.mean.entries()) {
        let sum = 0;
        for (let at = 0; at < plane; at++) sum += value(channel, at);
        expect(Math.abs(sum / plane - mean)).toBeLessThan(0.1);
      }
      for (const [x, y, ...rgb] of crop.pixels) {
        for (const [channel, level] of rgb.entries()) {
          expect(Math.abs(value(channel, y! * 112 + x!) - level)).toBeLessThan(0.5);
        }
      }
      const found = await embed(networks.embed, model);
      expect(cosine(found.embedding, embedding)).toBeGreaterThan(0.999);
      expect(Math.abs(found.quality - quality)).toBeLessThan(0.005);
    });
  }
});

describe('normalise', () => {
  test('gives length 1 and the length before', () => {
    const { quality, embedding } = normalise(new Float32Array([3, 0, 4]));
    expect(quality).toBe(5);
    expect([...embedding]).toEqual([Math.fround(0.6), 0, Math.fround(0.8)]);
  });

  test('leaves zeros', () => {
    expect(normalise(new Float32Array(2))).toEqual({ quality: 0, embedding: new Float32Array(2) });
  });
});
