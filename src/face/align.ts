import type { FivePoints, Point } from './landmarks.ts';
import type { Matrix } from './sample.ts';

/**
 * The rotation, uniform scale and shift that bring the face's points closest to the template's (least squares), inverted, so that
 * it leads from the aligned crop back into the photo.
 *
 * With both point sets centred, p and t, and complex numbers for vectors: s = Σ p̄ t / Σ |p|² (Umeyama 1991 without reflection,
 * which in the plane has this closed form).
 * @param template where the points should lie, in pixels of the crop
 */
export function alignment(points: FivePoints, template: readonly Point[]): Matrix {
  const [photoX, photoY] = centre(points);
  const [cropX, cropY] = centre(template);
  let cosine = 0;
  let sine = 0;
  points.forEach(([x, y], i) => {
    const [templateX, templateY] = template[i]!;
    const px = x - photoX;
    const py = y - photoY;
    const tx = templateX - cropX;
    const ty = templateY - cropY;
    cosine += px * tx + py * ty;
    sine += px * ty - py * tx;
  });
  const spread = points.reduce((sum, [x, y]) => sum + (x - photoX) ** 2 + (y - photoY) ** 2, 0);
  // The inverse of s = (cosine + i sine) / spread is its conjugate over |s|².
  const squared = cosine * cosine + sine * sine;
  const a = (cosine * spread) / squared;
  const b = (sine * spread) / squared;
  return [a, b, photoX - a * cropX - b * cropY, -b, a, photoY + b * cropX - a * cropY];
}

function centre(points: readonly Point[]): Point {
  const sum = points.reduce<Point>(([sumX, sumY], [x, y]) => [sumX + x, sumY + y], [0, 0]);
  return [sum[0] / points.length, sum[1] / points.length];
}
