import { describe, expect, test } from 'bun:test';
import { cropSquare, findPoints, fivePoints, squareMatrix } from '../../../src/face/landmarks.ts';
import { portraitNames, portraits } from '../../support/photos.ts';
import golden from './golden.json';
import { decoded, difference, models, networks } from './stages.ts';

const { landmark } = models.manifest;

describe('findPoints', () => {
  for (const name of portraitNames) {
    test(`finds eyes, nose and mouth of ${name} where the reference does`, async () => {
      const { box, points, landmarks68 } = golden.photos[name];
      const [left, top, right, bottom] = box;
      const corners = [left!, top!, right!, bottom!] as const;
      const found = await findPoints(await decoded(portraits[name]), corners, networks.landmark, landmark);
      expect(difference(found.flat(), points.flat())).toBeLessThan(0.05);
      const square = cropSquare(corners, landmark.crop);
      const output = networks.landmark.output('output');
      for (const [index, x, y] of landmarks68) {
        const seen = [0, 1].map(
          k => output[2 * index! + k]! * square.side + (k === 0 ? square.left : square.top),
        );
        expect(difference(seen, [x!, y!])).toBeLessThan(0.05);
      }
    });
  }
});

test('the square is measured from the centre of the box', () => {
  const square = cropSquare([100, 200, 150, 400], { side: 1.1, left: 0.55, top: 0.5 });
  expect(difference([square.left, square.top, square.side], [70, 250, 110])).toBeLessThan(1e-9);
});

test('the outermost pixels of a crop lie half a crop pixel inside the square', () => {
  expect(squareMatrix({ left: 10, top: 20, side: 128 }, 64, 64)).toEqual([2, 0, 10.5, 0, 2, 20.5]);
});

test('a point is the mean of its landmarks, in pixels', () => {
  const output = new Float32Array([0, 0, 0.5, 0.25, 1, 1]);
  const points = fivePoints(output, { left: 10, top: 20, side: 100 }, [[0], [1], [2], [0, 2], [0, 1, 2]]);
  expect(difference(points.flat(), [10, 20, 60, 45, 110, 120, 60, 70, 60, 20 + 125 / 3])).toBeLessThan(1e-4);
});
