import { alignment } from './align.ts';
import { area, type Corners, type Detection, detect } from './detect.ts';
import { embed, packFace } from './embed.ts';
import type { Photo, Size } from './image.ts';
import { type FivePoints, findPoints, type Point } from './landmarks.ts';
import type { Models } from './manifest.ts';
import { type Measures, measure } from './measures.ts';
import { openNetwork } from './network.ts';

export interface FoundFace {
  /** [x, y, width, height] in pixels of the upright photo as it was sent, inside it. */
  readonly box: readonly [number, number, number, number];
  /** The detector's confidence, 0 to 1. */
  readonly score: number;
  /** Left eye, right eye, nose, left and right corner of the mouth as seen in the photo; pixels as for `box`. */
  readonly landmarks: FivePoints;
  /** Norm of the raw embedding. */
  readonly quality: number;
  /** L2-normalised. */
  readonly embedding: Float32Array;
  readonly measures: Measures;
}

export interface Found {
  /** Size of the upright photo as it was sent, px. */
  readonly image: Size;
  /** The most prominent first. */
  readonly faces: readonly FoundFace[];
  /** Milliseconds. */
  readonly timings: {
    readonly detect: number;
    readonly landmarks: number;
    readonly align: number;
    readonly embed: number;
  };
}

/** Finds one photo's faces at a time; blocks the event loop while a model computes. */
export interface Recogniser {
  find(photo: Photo): Promise<Found>;
  close(): Promise<void>;
}

/** A photo of a crowd costs at most this many embeddings; the most prominent faces are taken. */
export const MAX_FACES = 100;

/** @throws Error when a model is not what the manifest says */
export async function openRecogniser(
  { manifest, files }: Models,
  now = () => performance.now(),
): Promise<Recogniser> {
  const { detect: detector, landmark, embed: embedder } = manifest;
  const detection = await openNetwork('detect', files.detect, detector.input, [
    detector.scores,
    detector.boxes,
  ]);
  const landmarks = await openNetwork('landmark', files.landmark, landmark.input, [landmark.output]);
  const embedding = await openNetwork('embed', files.embed, embedder.input, [embedder.output]);

  return {
    async find(photo) {
      const timings = { detect: 0, landmarks: 0, align: 0, embed: 0 };
      let last = now();
      const lap = (stage: keyof typeof timings) => {
        const time = now();
        timings[stage] += time - last;
        last = time;
      };
      const detections = byProminence(await detect(photo, detection, detector), photo).slice(0, MAX_FACES);
      lap('detect');
      const faces: FoundFace[] = [];
      for (const { corners, score } of detections) {
        const points = await findPoints(photo, corners, landmarks, landmark);
        lap('landmarks');
        const matrix = alignment(points, embedder.template);
        packFace(photo, matrix, embedding, embedder);
        const measures = measure(embedding.input, embedder.input, matrix, points, corners, photo);
        lap('align');
        const embedded = await embed(embedding, embedder);
        lap('embed');
        faces.push({ ...inUpright(corners, points, photo), score, ...embedded, measures });
      }
      return { image: photo.upright, faces, timings };
    },
    async close() {
      await Promise.all([detection.close(), landmarks.close(), embedding.close()]);
    },
  };
}

/** Large faces near the middle first: by area − 2 × (squared distance of the face's centre from the photo's). */
export function byProminence(detections: readonly Detection[], photo: Size): Detection[] {
  const prominence = ({ corners }: Detection) => {
    const x = (corners[0] + corners[2] - photo.width) / 2;
    const y = (corners[1] + corners[3] - photo.height) / 2;
    return area(corners) - 2 * (x * x + y * y);
  };
  return detections.toSorted((one, other) => prominence(other) - prominence(one));
}

/** From pixels of the decoded photo to pixels of the upright original. */
function inUpright(corners: Corners, points: FivePoints, photo: Photo): Pick<FoundFace, 'box' | 'landmarks'> {
  const { width, height } = photo.upright;
  const scaleX = width / photo.width;
  const scaleY = height / photo.height;
  const left = clamp(corners[0] * scaleX, width);
  const top = clamp(corners[1] * scaleY, height);
  const right = clamp(corners[2] * scaleX, width);
  const bottom = clamp(corners[3] * scaleY, height);
  const scaled = ([x, y]: Point): Point => [x * scaleX, y * scaleY];
  const [leftEye, rightEye, nose, leftMouth, rightMouth] = points;
  return {
    box: [left, top, right - left, bottom - top],
    landmarks: [scaled(leftEye), scaled(rightEye), scaled(nose), scaled(leftMouth), scaled(rightMouth)],
  };
}

const clamp = (value: number, max: number) => Math.max(0, Math.min(max, value));
