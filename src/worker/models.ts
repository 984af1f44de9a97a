import type { Config } from '../config.ts';
import { messageOf } from '../core/errors.ts';
import { loadModels, type Models } from '../face/manifest.ts';
import { SetupError } from '../runtime/setup.ts';

/** A models folder that cannot be used is told as such, whatever is wrong with it. */
export async function openModels({ modelsFolder }: Config): Promise<Models> {
  try {
    return await loadModels(modelsFolder);
  } catch (error) {
    throw new SetupError(`FACEREC_MODELS: ${messageOf(error)}`, { cause: error });
  }
}
