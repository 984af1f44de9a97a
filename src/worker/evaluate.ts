import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { messageOf, Permanent } from '../core/errors.ts';
import { curve } from '../evaluate/curve.ts';
import { evaluate, recommend } from '../evaluate/evaluate.ts';
import { type Refused, report } from '../evaluate/report.ts';
import type { Sample } from '../evaluate/samples.ts';
import { createEngine, type Engine } from '../face/engine.ts';
import { faultOf } from '../face/enrolment.ts';
import { GalleryStore } from '../gallery/store.ts';
import type { Blobs } from '../ports.ts';
import type { ProgressLine } from '../runtime/progressLine.ts';
import { SetupError } from '../runtime/setup.ts';
import { openModels } from './models.ts';
import { thresholdOf } from './threshold.ts';

const PHOTO = /\.(jpe?g|png|webp)$/i;
/** Decoded photos in memory. */
const AHEAD = 3;
const SIZES = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

interface Photo {
  readonly person: string;
  /** As the report names it. */
  readonly file: string;
  readonly path: string;
}

/** `facerec-worker evaluate`: how far names can be trusted, measured with labelled photos. Resolves to the exit code. */
export async function evaluateFolder(
  config: Config,
  gallery: Blobs | undefined,
  words: readonly string[],
  print: (text: string) => void,
  progress: ProgressLine,
): Promise<number> {
  const { folder, strangers, target, faces, svg } = parse(words);
  const photos = [
    ...(await labelled(folder)),
    ...(strangers === undefined ? [] : await unlabelled(strangers)),
  ];
  if (photos.length < 2) throw new SetupError(`${folder}: there are no folders with photos in it`);
  const models = await openModels(config);
  const engine = await createEngine(models);
  const refused: Refused[] = [];
  const samples = await embed(engine, photos, models.manifest.thresholds.quality, refused, done =>
    progress.show(`${done} of ${photos.length} photos`),
  );
  await engine.close();
  progress.end();
  if (samples.length < 2) throw new SetupError(`${folder}: no face was found in these photos`);
  const size = faces ?? ((await enrolled(gallery)) || samples.length);
  const threshold = thresholdOf(config, models.manifest.thresholds, size);
  const evaluation = evaluate(samples, threshold);
  const sizes = [...new Set([...SIZES, size])].sort((a, b) => a - b);
  print(report(evaluation, recommend(evaluation, target, sizes), target, models.id, refused));
  const [own] = recommend(evaluation, target, [size]);
  if (own) print(`\nFor this gallery of ${size} faces: FACEREC_THRESHOLD=${own.threshold.toFixed(3)}\n`);
  if (svg !== undefined) {
    await writeFile(svg, curve(evaluation));
    print(`The curve is in ${svg}\n`);
  }
  return 0;
}

function parse(words: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      far: { type: 'string', default: '0.01' },
      faces: { type: 'string' },
      strangers: { type: 'string' },
      svg: { type: 'string' },
    },
  });
  const [folder, more] = positionals;
  if (folder === undefined || more !== undefined) throw new SetupError('evaluate: give one folder');
  const target = Number(values.far);
  if (!(target > 0 && target < 1))
    throw new SetupError('evaluate: --far is a rate between 0 and 1, such as 0.01');
  const faces = values.faces === undefined ? undefined : Number(values.faces);
  if (faces !== undefined && !(Number.isInteger(faces) && faces > 0))
    throw new SetupError('evaluate: --faces is a number of faces');
  return { folder, strangers: values.strangers, target, faces, svg: values.svg };
}

/** The photos of a folder with one folder a person. */
async function labelled(folder: string): Promise<Photo[]> {
  const people = (await entries(folder)).filter(entry => entry.isDirectory() || entry.isSymbolicLink());
  const photos = people.map(async ({ name }) =>
    (await files(join(folder, name))).map(path => ({
      person: name,
      file: `${name}/${basename(path)}`,
      path,
    })),
  );
  return (await Promise.all(photos)).flat();
}

/** Photos of people seen nowhere else. */
async function unlabelled(folder: string): Promise<Photo[]> {
  return (await files(folder)).map(path => ({ person: path, file: basename(path), path }));
}

async function files(folder: string): Promise<string[]> {
  return (await entries(folder))
    .filter(({ name }) => PHOTO.test(name))
    .map(({ name }) => join(folder, name))
    .sort();
}

async function entries(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw new SetupError(messageOf(error), { cause: error });
  }
}

async function embed(
  engine: Engine,
  photos: readonly Photo[],
  minQuality: number,
  refused: Refused[],
  progress: (done: number) => void,
): Promise<Sample[]> {
  const samples: (Sample | undefined)[] = [];
  const queue = photos.entries();
  let done = 0;
  const worker = async () => {
    for (const [i, { person, file, path }] of queue) {
      try {
        const found = await engine.find(await engine.decode(await readFile(path)));
        // The most prominent face, as in the service's answer.
        const [face] = found.faces;
        if (!face) throw new Permanent('no-face', 'no face was found');
        const fault = faultOf(face, minQuality);
        if (fault) refused.push({ file, reason: `${fault.reason}; used all the same` });
        samples[i] = { person, file, embedding: face.embedding };
      } catch (error) {
        if (!(error instanceof Permanent)) throw error;
        refused.push({ file, reason: `${error.reason}; not used` });
      }
      progress(++done);
    }
  };
  await Promise.all(Array.from({ length: AHEAD }, worker));
  return samples.filter(sample => sample !== undefined);
}

/** Faces in the gallery of this machine. */
async function enrolled(gallery: Blobs | undefined): Promise<number> {
  if (!gallery) return 0;
  const store = new GalleryStore({ blobs: gallery });
  await store.refresh();
  return store.gallery.people().reduce((sum, { faces }) => sum + faces.length, 0);
}
