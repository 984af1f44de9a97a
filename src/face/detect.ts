import type { Photo, Raster, Size } from './image.ts';
import type { DetectModel } from './manifest.ts';
import type { Network } from './network.ts';
import type { InputFormat } from './sample.ts';

/** Corners in pixels of the decoded photo: left, top, right, bottom. They may lie a little outside. */
export type Corners = readonly [number, number, number, number];

export interface Detection {
  /** The detector's confidence, 0 to 1. */
  readonly score: number;
  readonly corners: Corners;
}

/** The faces of a photo, the most certain first. */
export async function detect(photo: Photo, network: Network, model: DetectModel): Promise<Detection[]> {
  pack(photo.detectorInput, model.input, network.input);
  await network.run();
  const scores = network.output(model.scores.name);
  const boxes = network.output(model.boxes.name);
  const [, , height, width] = model.input.shape;
  // The detector sees the photo in the top left part of its input, and answers in fractions of the whole input.
  const scale = {
    width: (width * photo.width) / photo.detectorInput.width,
    height: (height * photo.height) / photo.detectorInput.height,
  };
  return suppress(candidates(scores, boxes, scale, model.minScore), model.maxOverlap);
}

/** Puts the picture into the top left corner of the input; what is left over holds the mean, which is 0. */
export function pack(picture: Raster, format: InputFormat, target: Float32Array): void {
  const { pixels, width, height } = picture;
  const [, , rows, columns] = format.shape;
  const plane = rows * columns;
  const redPlane = format.channels === 'bgr' ? 2 * plane : 0;
  const bluePlane = format.channels === 'bgr' ? 0 : 2 * plane;
  const normalised = Float32Array.from({ length: 256 }, (_, value) => (value - format.mean) / format.divisor);
  target.fill(0);
  for (let y = 0, from = 0; y < height; y++) {
    for (let x = 0, to = y * columns; x < width; x++, to++, from += 3) {
      target[redPlane + to] = normalised[pixels[from]!]!;
      target[plane + to] = normalised[pixels[from + 1]!]!;
      target[bluePlane + to] = normalised[pixels[from + 2]!]!;
    }
  }
}

/**
 * Boxes whose score is above `minScore`, in pixels.
 * @param scores [background, face] a box
 * @param boxes corners a box as fractions of `scale`, px
 */
export function candidates(
  scores: Float32Array,
  boxes: Float32Array,
  scale: Size,
  minScore: number,
): Detection[] {
  const found: Detection[] = [];
  for (let i = 0; 2 * i + 1 < scores.length; i++) {
    const score = scores[2 * i + 1]!;
    if (!(score > minScore)) continue;
    const left = boxes[4 * i]! * scale.width;
    const top = boxes[4 * i + 1]! * scale.height;
    const right = boxes[4 * i + 2]! * scale.width;
    const bottom = boxes[4 * i + 3]! * scale.height;
    if (right > left && bottom > top) found.push({ score, corners: [left, top, right, bottom] });
  }
  return found;
}

/** Greedy non-maximum suppression: the best boxes of which no two overlap by more than `maxOverlap`. */
export function suppress(found: readonly Detection[], maxOverlap: number): Detection[] {
  const kept: Detection[] = [];
  for (const detection of found.toSorted((one, other) => other.score - one.score)) {
    if (kept.every(better => overlap(better.corners, detection.corners) <= maxOverlap)) kept.push(detection);
  }
  return kept;
}

/** Intersection over union, 0 to 1. */
export function overlap(one: Corners, other: Corners): number {
  const width = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
  const height = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (area(one) + area(other) - width * height);
}

export const area = ([left, top, right, bottom]: Corners): number => (right - left) * (bottom - top);
