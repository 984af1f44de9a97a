/** What cannot be avoided: decoding, and the three models run on inputs of real faces. Prints CPU ms a photo. */
import { alignment } from '../../src/face/align.ts';
import { detect } from '../../src/face/detect.ts';
import { packFace } from '../../src/face/embed.ts';
import { DEFAULT_LIMITS } from '../../src/face/engine.ts';
import { decode } from '../../src/face/image.ts';
import { findPoints } from '../../src/face/landmarks.ts';
import { loadModels } from '../../src/face/manifest.ts';
import { openNetwork } from '../../src/face/network.ts';
import { portrait, portraitNames } from '../support/photos.ts';
import { cpuMs } from './measure.ts';

const count = Number(process.argv[2]);
const { manifest, files } = await loadModels();
const { detect: detector, landmark, embed } = manifest;
const detection = await openNetwork('detect', files.detect, detector.input, [
  detector.scores,
  detector.boxes,
]);
const landmarks = await openNetwork('landmark', files.landmark, landmark.input, [landmark.output]);
const embedding = await openNetwork('embed', files.embed, embed.input, [embed.output]);
const networks = [detection, landmarks, embedding];
const [, , height, width] = detector.input.shape;
const limits = { ...DEFAULT_LIMITS, detector: { width, height } };

const photos = await Promise.all(portraitNames.map(portrait));
const inputs: Float32Array[][] = [];
for (const bytes of photos) {
  const photo = await decode(bytes, limits);
  const [face] = await detect(photo, detection, detector);
  const points = await findPoints(photo, face!.corners, landmarks, landmark);
  packFace(photo, alignment(points, embed.template), embedding, embed);
  inputs.push(networks.map(network => network.input.slice()));
}

async function timed(task: (i: number) => Promise<unknown>): Promise<number> {
  for (let i = 0; i < 20; i++) await task(i);
  const before = cpuMs();
  for (let i = 0; i < count; i++) await task(i);
  return (cpuMs() - before) / count;
}

const decoding = await timed(i => decode(photos[i % photos.length]!, limits));
const models = await timed(async i => {
  for (const [n, network] of networks.entries()) {
    network.input.set(inputs[i % inputs.length]![n]!);
    await network.run();
  }
});
console.log(JSON.stringify({ decode: decoding, models }));
