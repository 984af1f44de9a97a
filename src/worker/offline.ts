import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Config } from '../config.ts';
import { messageOf, Permanent } from '../core/errors.ts';
import type { Result } from '../core/results.ts';
import { createEngine } from '../face/engine.ts';
import type { Blobs } from '../ports.ts';
import { openModels } from './models.ts';
import { Recogniser } from './recogniser.ts';
import { thresholdOf } from './threshold.ts';

/** `facerec-worker recognise`: one result a photo, one JSON object a line. Resolves to the exit code. */
export async function recogniseFiles(
  config: Config,
  gallery: Blobs | undefined,
  paths: readonly string[],
  print: (line: string) => void,
): Promise<number> {
  const models = await openModels(config);
  const engine = await createEngine(models);
  const threshold = (faces: number) => thresholdOf(config, models.manifest.thresholds, faces);
  const recogniser = new Recogniser({ engine, models, gallery, threshold });
  await recogniser.refresh();
  let failed = 0;
  for (const path of paths) {
    const result = await recogniseFile(recogniser, path);
    if (result.status === 'failed') failed++;
    print(`${JSON.stringify(result)}\n`);
  }
  await engine.close();
  return failed === 0 ? 0 : 1;
}

async function recogniseFile(recogniser: Recogniser, path: string): Promise<Result> {
  const started = performance.now();
  const request = { v: 1, kind: 'recognise', id: Bun.randomUUIDv7(), file: basename(path) } as const;
  try {
    const bytes = await readFile(path).catch(error => {
      throw new Permanent('photo-missing', messageOf(error));
    });
    const photo = await recogniser.decode(bytes);
    return await recogniser.answer(request, photo, { decode: performance.now() - started }, started);
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    const { id, file } = request;
    return { id, file, status: 'failed', reason: error.reason, detail: error.message };
  }
}
