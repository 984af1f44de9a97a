import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import * as v from 'valibot';
import { createEngine } from '../../../src/face/engine.ts';
import type { Request } from '../../../src/face/engine-thread.ts';
import { portrait } from '../../support/photos.ts';
import golden from './golden.json';
import { cosine, models } from './stages.ts';

const ReportSchema = v.object({
  transferred: v.boolean(),
  refused: v.string(),
  embeddings: v.array(v.array(v.number())),
  afterwards: v.string(),
});

test('the engine recognises on its own thread, finishes what is asked and lets the process exit', async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'engine-scenario.ts')], {
    stderr: 'pipe',
  });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect([code, errors]).toEqual([0, '']);
  const report = v.parse(ReportSchema, JSON.parse(output));
  expect(report.transferred).toBe(true);
  expect(report.refused).toBe('Permanent');
  expect(report.afterwards).toBe('the engine is closed');
  for (const [i, name] of (['avatar', 'avatar-2', 'avatar-4', 'avatar-5'] as const).entries()) {
    expect(cosine(report.embeddings[i]!, golden.photos[name].embedding)).toBeGreaterThan(0.999);
  }
});

/** A thread that answers `open` and `close`, and leaves the rest to the test. */
function silentThread() {
  const blob = new Blob([
    `self.onmessage = ({ data }) => {
      if ('open' in data && data.open.id === 'refuse') postMessage({ id: data.id, error: 'no such model' });
      else if ('open' in data || 'close' in data) postMessage({ id: data.id });
      else if (data.find.width === 1) throw new Error('broken');
      else if (data.find.width === 2) process.exit(3);
      else if (data.find.width === 3) postMessage({ id: data.id, error: 'bad photo' });
    };`,
  ]);
  return new Worker(URL.createObjectURL(blob));
}
const raster = (width: number) => ({ width, height: 1, pixels: new Uint8Array(3 * width) });
const photoOf = (width: NonNullable<Request['id']>) => ({
  ...raster(width),
  upright: { width, height: 1 },
  detectorInput: raster(width),
});
const ownModels = () => structuredClone(models);
const start = () => createEngine(ownModels(), undefined, silentThread);

describe('when the thread', () => {
  for (const [how, width, message] of [
    ['throws', 1, 'broken'],
    ['exits', 2, 'code 3'],
  ] as const) {
    test(`${how}, every call is rejected and the engine stays dead`, async () => {
      const engine = await start();
      const waiting = engine.find(photoOf(9));
      const deadly = engine.find(photoOf(width));
      const error = await engine.failed;
      expect(error.message).toContain(message);
      expect(await waiting.catch((thrown: unknown) => thrown)).toBe(error);
      expect(await deadly.catch((thrown: unknown) => thrown)).toBe(error);
      expect(await engine.find(photoOf(9)).catch((thrown: unknown) => thrown)).toBe(error);
      await engine.close();
    });
  }

  test('answers with an error, only that call is rejected', async () => {
    const engine = await start();
    expect(await engine.find(photoOf(3)).catch((error: Error) => error.message)).toBe('bad photo');
    expect((await engine.decode(await portrait('avatar'))).width).toBe(200);
    await engine.close();
  });

  test('cannot open the models, there is no engine', async () => {
    const refused = createEngine({ ...ownModels(), id: 'refuse' }, undefined, silentThread);
    expect(await refused.catch((error: Error) => error.message)).toBe('no such model');
  });
});
