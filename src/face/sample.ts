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
  const stepX = a / n;
  const stepY = d / n;

  for (let y = 0, at = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, at++) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let j = 0; j < n; j++) {
        const cropY = y + (j + 0.5) / n - 0.5;
        const cropLeft = x + 0.5 / n - 0.5;
        let photoX = a * cropLeft + b * cropY + c;
        let photoY = d * cropLeft + e * cropY + f;
        for (let i = 0; i < n; i++, photoX += stepX, photoY += stepY) {
          if (photoX >= 0 && photoY >= 0 && photoX < width - 1 && photoY < height - 1) {
            const left = photoX | 0;
            const top = photoY | 0;
            const right = photoX - left;
            const lower = photoY - top;
            const upper = 1 - lower;
            const p = top * stride + 3 * left;
            const q = p + stride;
            const leftRed = upper * pixels[p]! + lower * pixels[q]!;
            const leftGreen = upper * pixels[p + 1]! + lower * pixels[q + 1]!;
            const leftBlue = upper * pixels[p + 2]! + lower * pixels[q + 2]!;
            const rightRed = upper * pixels[p + 3]! + lower * pixels[q + 3]!;
            const rightGreen = upper * pixels[p + 4]! + lower * pixels[q + 4]!;
            const rightBlue = upper * pixels[p + 5]! + lower * pixels[q + 5]!;
            red += leftRed + right * (rightRed - leftRed);
            green += leftGreen + right * (rightGreen - leftGreen);
            blue += leftBlue + right * (rightBlue - leftBlue);
            continue;
          }
          // At and beyond the photo's edge: those of the four neighbours that exist.
          const left = Math.floor(photoX);
          const top = Math.floor(photoY);
          for (let v = Math.max(0, top); v <= Math.min(height - 1, top + 1); v++) {
            for (let u = Math.max(0, left); u <= Math.min(width - 1, left + 1); u++) {
              const weight = (1 - Math.abs(photoX - u)) * (1 - Math.abs(photoY - v));
              const p = v * stride + 3 * u;
              red += weight * pixels[p]!;
              green += weight * pixels[p + 1]!;
              blue += weight * pixels[p + 2]!;
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
