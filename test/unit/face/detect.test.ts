import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  area,
  type Corners,
  candidates,
  type Detection,
  detect,
  overlap,
  pack,
  suppress,
} from '../../../src/face/detect.ts';
import { portraitNames, portraits } from '../../support/photos.ts';
import golden from './golden.json';
import { decoded, difference, models, networks } from './stages.ts';

const box = fc
  .tuple(fc.nat(200), fc.nat(200), fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 100 }))
  .map(([x, y, width, height]): Corners => [x, y, x + width, y + height]);
const detections = fc.array(fc.record({ score: fc.float({ min: 0, max: 1, noNaN: true }), corners: box }));

describe('detect', () => {
  for (const name of portraitNames) {
    test(`finds the face of ${name} where the reference does`, async () => {
      const found = await detect(await decoded(portraits[name]), networks.detect, models.manifest.detect);
      expect(found).toHaveLength(golden.photos[name].faces);
      expect(difference(found[0]!.corners.slice(), golden.photos[name].box)).toBeLessThan(0.05);
      expect(Math.abs(found[0]!.score - golden.photos[name].score)).toBeLessThan(0.001);
    });
  }
});

describe('pack', () => {
  const picture = { width: 2, height: 1, pixels: new Uint8Array([10, 20, 30, 40, 50, 60]) };
  const shape: [1, 3, number, number] = [1, 3, 2, 3];

  test('writes planes into the top left corner and zeros elsewhere', () => {
    const target = new Float32Array(18).fill(9);
    pack(picture, { shape, channels: 'rgb', mean: 10, divisor: 10 }, target);
    expect([...target]).toEqual([0, 3, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0, 2, 5, 0, 0, 0, 0]);
  });

  test('orders the planes as the model wants them', () => {
    const target = new Float32Array(18);
    pack(picture, { shape, channels: 'bgr', mean: 0, divisor: 10 }, target);
    expect([target[0], target[6], target[12]]).toEqual([3, 2, 1]);
  });
});

describe('candidates', () => {
  test('are the boxes above the score, in pixels; empty ones are left out', () => {
    const scores = new Float32Array([0.1, 0.9, 0.5, 0.5, 0.2, 0.8]);
    const boxes = new Float32Array([0.25, 0.5, 0.5, 1, 0, 0, 1, 1, 0.5, 0.5, 0.5, 0.75]);
    const found = candidates(scores, boxes, { width: 400, height: 200 }, 0.5);
    expect(found.map(({ corners }) => corners)).toEqual([[100, 100, 200, 200]]);
  });
});

describe('suppress', () => {
  test('keeps the best of overlapping boxes, and no two that overlap', () => {
    fc.assert(
      fc.property(detections, fc.double({ min: 0, max: 1, noNaN: true }), (found, max) => {
        const kept: Detection[] = suppress(found, max);
        for (const [i, one] of kept.entries()) {
          for (const other of kept.slice(0, i)) {
            expect(overlap(one.corners, other.corners)).toBeLessThanOrEqual(max);
            expect(other.score).toBeGreaterThanOrEqual(one.score);
          }
        }
        for (const dropped of found.filter(detection => !kept.includes(detection))) {
          const better = kept.some(
            ({ score, corners }) => score >= dropped.score && overlap(corners, dropped.corners) > max,
          );
          expect(better).toBe(true);
        }
      }),
    );
  });

  test('overlap is symmetric, 1 with itself, 0 when apart', () => {
    fc.assert(
      fc.property(box, box, (one, other) => {
        expect(overlap(one, other)).toBe(overlap(other, one));
        expect(overlap(one, one)).toBe(1);
      }),
    );
    expect(overlap([0, 0, 1, 1], [1, 0, 2, 1])).toBe(0);
    expect(overlap([0, 0, 2, 1], [1, 0, 3, 1])).toBeCloseTo(1 / 3);
    expect(area([1, 2, 4, 6])).toBe(12);
  });
});
