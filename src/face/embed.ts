import type { Raster } from './image.ts';
import type { EmbedModel } from './manifest.ts';
import type { Network } from './network.ts';
import { type Matrix, sample } from './sample.ts';

export interface Embedded {
  /** Length of the raw embedding; small where there is hardly a face (a hand, a lapel, blur). */
  readonly quality: number;
  /** L2-normalised: the cosine similarity of two is their dot product. */
  readonly embedding: Float32Array;
}

/** Cuts the aligned face into the model's input. */
export function packFace(photo: Raster, alignment: Matrix, network: Network, model: EmbedModel): void {
  sample(photo, alignment, model.input, network.input);
}

/** The embedding of the face that the input holds. */
export async function embed(network: Network, model: EmbedModel): Promise<Embedded> {
  await network.run();
  return normalise(network.output(model.output.name));
}

/** A copy of length 1, and the length before; zeros stay zeros. */
export function normalise(raw: Float32Array): Embedded {
  const quality = Math.sqrt(raw.reduce((sum, value) => sum + value * value, 0));
  return { quality, embedding: raw.map(value => (quality > 0 ? value / quality : 0)) };
}
