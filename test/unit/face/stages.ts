import { DEFAULT_LIMITS } from '../../../src/face/engine.ts';
import { decode, type Photo } from '../../../src/face/image.ts';
import { loadModels, type Models } from '../../../src/face/manifest.ts';
import { type Network, openNetwork } from '../../../src/face/network.ts';
import { openRecogniser, type Recogniser } from '../../../src/face/recognise.ts';

/** One set of models and sessions for all test files of a process. */
export const models: Models = await loadModels();
const { detect, landmark, embed } = models.manifest;

export const networks: Readonly<Record<'detect' | 'landmark' | 'embed', Network>> = {
  detect: await openNetwork('detect', models.files.detect, detect.input, [detect.scores, detect.boxes]),
  landmark: await openNetwork('landmark', models.files.landmark, landmark.input, [landmark.output]),
  embed: await openNetwork('embed', models.files.embed, embed.input, [embed.output]),
};

export const recogniser: Recogniser = await openRecogniser(models);

export const limits = { ...DEFAULT_LIMITS, detector: { width: 320, height: 240 } };

export const decoded = async (file: string): Promise<Photo> => decode(await Bun.file(file).bytes(), limits);

export function cosine(one: ArrayLike<number>, other: ArrayLike<number>): number {
  let dot = 0;
  let ofOne = 0;
  let ofOther = 0;
  for (let i = 0; i < one.length; i++) {
    dot += one[i]! * other[i]!;
    ofOne += one[i]! ** 2;
    ofOther += other[i]! ** 2;
  }
  return dot / Math.sqrt(ofOne * ofOther);
}

/** The greatest difference between two lists of numbers; infinite when their lengths differ. */
export function difference(one: readonly number[], other: readonly number[]): number {
  if (one.length !== other.length) return Number.POSITIVE_INFINITY;
  return Math.max(...one.map((value, i) => Math.abs(value - other[i]!)));
}
