/** The engine alone: photos already in memory, two decoded ahead, as the worker keeps it. Prints ms a photo. */
import { createEngine } from '../../src/face/engine.ts';
import { loadModels } from '../../src/face/manifest.ts';
import { Slots } from '../../src/worker/slots.ts';
import { portrait, portraitNames } from '../support/photos.ts';
import { cpuMs } from './measure.ts';

const count = Number(process.argv[2]);
const photos = await Promise.all(portraitNames.map(portrait));
const engine = await createEngine(await loadModels());
const slots = new Slots(2);
const one = async (i: number) => {
  const end = await slots.enter();
  await engine.find(await engine.decode(photos[i % photos.length]!));
  end();
};

await Promise.all(Array.from({ length: 30 }, (_, i) => one(i)));
const [wall, cpu] = [performance.now(), cpuMs()];
await Promise.all(Array.from({ length: count }, (_, i) => one(i)));
console.log(JSON.stringify({ wall: (performance.now() - wall) / count, cpu: (cpuMs() - cpu) / count }));
await engine.close();
