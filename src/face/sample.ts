import type { Raster } from './image.ts';

/** [a, b, c, d, e, f]: the crop's pixel (x, y) lies at (a x + b y + c, d x + e y + f) in the photo. */
export type Matrix = readonly [number, number, number, number, number, number];

/** How pixels go into a model: (value − mean) / divisor in one plane a channel. */
export interface InputFormat {
  /** [1, channels, height, width] */
  readonly shape: readonly [number, number, number, number];
  readonly channels: 'rgb' | 'bgr' | 'grey';
  readonly mean: number;
  readonly divisor: number;
}

/** More samples a pixel than 8 × 8 do not pay. */
const MAX_SUPERSAMPLING = 8;

/**
 * Cuts a crop out of the photo straight into a model's input: bilinear, n × n samples a pixel where the crop shrinks the photo
 * n-fold, black beyond the edges. Grey is ITU-R BT.601 luma.
 * @param target float32 NCHW, as long as `format.shape` says
 */
export function sample(photo: Raster, matrix: Matrix, format: InputFormat, target: Float32Array): void {
  const { pixels, width, height } = photo;
  const [a, b, c, d, e, f] = matrix;
  const [, , rows, columns] = format.shape;
  const { mean, divisor, channels } = format;
  const n = Math.max(1, Math.min(MAX_SUPERSAMPLING, Math.round(Math.hypot(a, d))));
  const share = 1 / (n * n);
  const plane = rows * columns;
  const redPlane = channels === 'bgr' ? 2 * plane : 0;
  const bluePlane = channels === 'bgr' ? 0 : 2 * plane;
  const stride = 3 * width;

  for (let y = 0, at = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, at++) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let j = 0; j < n; j++) {
        const cropY = y + (j + 0.5) / n - 0.5;
        for (let i = 0; i < n; i++) {
          const cropX = x + (i + 0.5) / n - 0.5;
          const photoX = a * cropX + b * cropY + c;
          const photoY = d * cropX + e * cropY + f;
          const left = Math.floor(photoX);
          const top = Math.floor(photoY);
          const rightShare = photoX - left;
          const lowerShare = photoY - top;
          let from = top * stride + 3 * left;
          if (left >= 0 && top >= 0 && left < width - 1 && top < height - 1) {
            const topLeft = (1 - rightShare) * (1 - lowerShare);
            const topRight = rightShare * (1 - lowerShare);
            const lowerLeft = (1 - rightShare) * lowerShare;
            const lowerRight = rightShare * lowerShare;
            const lower = from + stride;
            red +=
              topLeft * pixels[from]! +
              topRight * pixels[from + 3]! +
              lowerLeft * pixels[lower]! +
              lowerRight * pixels[lower + 3]!;
            green +=
              topLeft * pixels[from + 1]! +
              topRight * pixels[from + 4]! +
              lowerLeft * pixels[lower + 1]! +
              lowerRight * pixels[lower + 4]!;
            blue +=
              topLeft * pixels[from + 2]! +
              topRight * pixels[from + 5]! +
              lowerLeft * pixels[lower + 2]! +
              lowerRight * pixels[lower + 5]!;
            continue;
          }
          // At and beyond the photo's edge: each of the four neighbours that exists.
          for (let v = 0; v < 2; v++, from += stride) {
            if (top + v < 0 || top + v >= height) continue;
            for (let u = 0; u < 2; u++) {
              if (left + u < 0 || left + u >= width) continue;
              const weight =
                (u === 1 ? rightShare : 1 - rightShare) * (v === 1 ? lowerShare : 1 - lowerShare);
              red += weight * pixels[from + 3 * u]!;
              green += weight * pixels[from + 3 * u + 1]!;
              blue += weight * pixels[from + 3 * u + 2]!;
            }
          }
        }
      }
      if (channels === 'grey') {
        target[at] = ((0.299 * red + 0.587 * green + 0.114 * blue) * share - mean) / divisor;
      } else {
        target[redPlane + at] = (red * share - mean) / divisor;
        target[plane + at] = (green * share - mean) / divisor;
        target[bluePlane + at] = (blue * share - mean) / divisor;
      }
    }
  }
}
