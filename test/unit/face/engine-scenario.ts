/** Run by engine.test.ts in a process of its own, as one process may hold one engine thread only. */
import { createEngine } from '../../../src/face/engine.ts';
import { loadModels } from '../../../src/face/manifest.ts';
import { portrait } from '../../support/photos.ts';

const models = await loadModels();
const engine = await createEngine(models);
const photo = await engine.decode(await portrait('avatar'));
const first = engine.find(photo);
const transferred = photo.pixels.length === 0 && photo.detectorInput.pixels.length === 0;
const others = ['avatar-2', 'avatar-4'] as const;
const refused = engine.decode(new Uint8Array(3)).catch((error: Error) => error.name);
const found = await Promise.all([
  first,
  ...others.map(async name => engine.find(await engine.decode(await portrait(name)))),
]);
const last = engine.find(await engine.decode(await portrait('avatar-5')));
await Promise.all([engine.close(), engine.close()]);
const afterwards = engine
  .find(await engine.decode(await portrait('avatar')))
  .catch((error: Error) => error.message);
const report = {
  transferred,
  refused: await refused,
  embeddings: [...found, await last].map(({ faces }) => [...faces[0]!.embedding]),
  afterwards: await afterwards,
};
console.log(JSON.stringify(report));
