import { area, type Corners } from './detect.ts';
import type { Raster } from './image.ts';
import type { LandmarkModel } from './manifest.ts';
import type { Network } from './network.ts';
import { type Matrix, sample } from './sample.ts';

/** [x, y] in pixels of the decoded photo. */
export type Point = readonly [number, number];
/** Left eye, right eye, nose, left and right corner of the mouth, as seen in the photo. */
export type FivePoints = readonly [Point, Point, Point, Point, Point];

/** The square of the photo that the landmark model looks at, px. */
export interface Square {
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/** The five points of the face in a detector's box. */
export async function findPoints(
  photo: Raster,
  box: Corners,
  network: Network,
  model: LandmarkModel,
): Promise<FivePoints> {
  const square = cropSquare(box, model.crop);
  const [, , rows, columns] = model.input.shape;
  sample(photo, squareMatrix(square, rows, columns), model.input, network.input);
  await network.run();
  return fivePoints(network.output(model.output.name), square, model.points);
}

/** Square around a box of w × h, measured from the box's centre in units of √(w h). */
export function cropSquare(box: Corners, crop: LandmarkModel['crop']): Square {
  const [left, top, right, bottom] = box;
  const unit = Math.sqrt(area(box));
  return {
    left: (left + right) / 2 - crop.left * unit,
    top: (top + bottom) / 2 - crop.top * unit,
    side: crop.side * unit,
  };
}

/** Maps centres of the crop's pixels to centres of the photo's. */
export function squareMatrix({ left, top, side }: Square, rows: number, columns: number): Matrix {
  const x = side / columns;
  const y = side / rows;
  return [x, 0, left + x / 2 - 0.5, 0, y, top + y / 2 - 0.5];
}

/**
 * @param output x, y of each landmark as fractions of the square
 * @param groups the landmarks that each point is the mean of
 */
export function fivePoints(
  output: Float32Array,
  square: Square,
  groups: LandmarkModel['points'],
): FivePoints {
  const mean = (group: readonly number[]): Point => {
    let x = 0;
    let y = 0;
    for (const landmark of group) {
      x += output[2 * landmark]! / group.length;
      y += output[2 * landmark + 1]! / group.length;
    }
    return [square.left + x * square.side, square.top + y * square.side];
  };
  const [leftEye, rightEye, nose, leftMouth, rightMouth] = groups;
  return [mean(leftEye!), mean(rightEye!), mean(nose!), mean(leftMouth!), mean(rightMouth!)];
}
