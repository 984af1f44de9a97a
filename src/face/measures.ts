import { area, type Corners } from './detect.ts';
import type { Size } from './image.ts';
import type { FivePoints } from './landmarks.ts';
import type { InputFormat, Matrix } from './sample.ts';

/** What can be wrong with the picture of a face, in numbers. */
export interface Measures {
  /** √(width × height) of the face in the photo as it was decoded, px. */
  readonly size: number;
  /** Share of the aligned face that lies inside the photo, 0 to 1. */
  readonly inside: number;
  /** Mean luma of the aligned face, 0 to 255. */
  readonly brightness: number;
  /** Its standard deviation. */
  readonly contrast: number;
  /** Standard deviation of the aligned face's Laplacian in units of `contrast`: fine detail against all detail. */
  readonly sharpness: number;
  /** How far the nose is beside the middle of the eyes, in distances of the eyes: 0 from the front, about 0.5 in half profile. */
  readonly turn: number;
}

/** The part of the aligned face that holds no background, as fractions of its width and height. */
const FACE = { left: 0.2, right: 0.8, top: 0.25, bottom: 0.9 } as const;

/**
 * @param aligned the embedding model's input, filled
 * @param matrix from there into the photo
 */
export function measure(
  aligned: Float32Array,
  { shape: [, , rows, columns], channels, mean, divisor }: InputFormat,
  matrix: Matrix,
  points: FivePoints,
  corners: Corners,
  photo: Size,
): Measures {
  const plane = rows * columns;
  const [red, blue] = channels === 'bgr' ? [2 * plane, 0] : [0, 2 * plane];
  const luma = new Float32Array(plane);
  for (let at = 0; at < plane; at++)
    luma[at] =
      (0.299 * aligned[red + at]! + 0.587 * aligned[plane + at]! + 0.114 * aligned[blue + at]!) * divisor +
      mean;
  const [top, bottom] = [Math.round(FACE.top * rows), Math.round(FACE.bottom * rows)];
  const [left, right] = [Math.round(FACE.left * columns), Math.round(FACE.right * columns)];
  const count = (bottom - top) * (right - left);
  let sum = 0;
  let squares = 0;
  let detail = 0;
  for (let y = top; y < bottom; y++) {
    for (let at = y * columns + left; at < y * columns + right; at++) {
      const value = luma[at]!;
      const around = luma[at - 1]! + luma[at + 1]! + luma[at - columns]! + luma[at + columns]!;
      sum += value;
      squares += value * value;
      detail += (around - 4 * value) ** 2;
    }
  }
  const brightness = sum / count;
  const contrast = Math.sqrt(Math.max(0, squares / count - brightness * brightness));
  return {
    size: Math.sqrt(area(corners)),
    inside: shareInside({ left, top, right, bottom }, matrix, photo),
    brightness,
    contrast,
    sharpness: contrast > 0 ? Math.sqrt(detail / count) / contrast : 0,
    turn: turn(points),
  };
}

/** Every fourth pixel, in both directions. */
const STEP = 4;

function shareInside(
  { left, top, right, bottom }: Readonly<Record<'left' | 'top' | 'right' | 'bottom', number>>,
  [a, b, c, d, e, f]: Matrix,
  { width, height }: Size,
): number {
  let inside = 0;
  let count = 0;
  for (let y = top; y < bottom; y += STEP) {
    for (let x = left; x < right; x += STEP) {
      const photoX = a * x + b * y + c;
      const photoY = d * x + e * y + f;
      count++;
      if (photoX >= 0 && photoY >= 0 && photoX < width && photoY < height) inside++;
    }
  }
  return inside / count;
}

function turn([left, right, nose]: FivePoints): number {
  const [x, y] = [right[0] - left[0], right[1] - left[1]];
  const squared = x * x + y * y;
  const along = (nose[0] - left[0]) * x + (nose[1] - left[1]) * y;
  return squared > 0 ? Math.abs(along / squared - 0.5) : 0;
}
