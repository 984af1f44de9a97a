import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { alignment } from '../../../src/face/align.ts';
import type { FivePoints, Point } from '../../../src/face/landmarks.ts';
import { portraitNames } from '../../support/photos.ts';
import golden from './golden.json';
import { difference, models } from './stages.ts';

const { template } = models.manifest.embed;

function five(points: readonly (readonly number[])[]): FivePoints {
  const point = (i: number): Point => [points[i]![0]!, points[i]![1]!];
  return [point(0), point(1), point(2), point(3), point(4)];
}

test('the matrices of the portraits are those of the reference', () => {
  for (const name of portraitNames) {
    const { points, matrix } = golden.photos[name];
    const found = alignment(five(points), template);
    expect(
      difference([found[0], found[1], found[3], found[4]], [matrix[0]!, matrix[1]!, matrix[3]!, matrix[4]!]),
    ).toBeLessThan(0.001);
    expect(difference([found[2], found[5]], [matrix[2]!, matrix[5]!])).toBeLessThan(0.05);
  }
});

test('any turned, scaled and shifted template is found again', () => {
  const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
  fc.assert(
    fc.property(
      number(-Math.PI, Math.PI),
      number(0.05, 20),
      number(-2000, 2000),
      number(-2000, 2000),
      (angle, scale, shiftX, shiftY) => {
        const cos = scale * Math.cos(angle);
        const sin = scale * Math.sin(angle);
        const points = template.map(([x, y]) => [cos * x - sin * y + shiftX, sin * x + cos * y + shiftY]);
        const expected = [cos, -sin, shiftX, sin, cos, shiftY];
        expect(difference([...alignment(five(points), template)], expected)).toBeLessThan(1e-6);
      },
    ),
  );
});
