import { createHash } from 'node:crypto';
import { join } from 'node:path';
import detectPath from 'faceplugin-face-recognition-js/model/fr_detect.onnx' with { type: 'file' };
import embedPath from 'faceplugin-face-recognition-js/model/fr_feature.onnx' with { type: 'file' };
import landmarkPath from 'faceplugin-face-recognition-js/model/fr_landmark.onnx' with { type: 'file' };
import * as v from 'valibot';
import { messageOf } from '../core/errors.ts';
import bundled from './manifest.json';

const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000));
const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const finite = v.pipe(v.number(), v.finite());
const tensorName = v.pipe(v.string(), v.minLength(1));

const model = {
  /** Name of a file beside the manifest. */
  file: v.pipe(v.string(), v.regex(/^[\w-][\w.-]*$/, 'must be a plain file name')),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')),
};

/** Model input, float32 NCHW: each channel value 0..255 goes in as (value − mean) / divisor. */
const input = <const C extends readonly string[], const N extends number>(channels: C, planes: N) =>
  v.object({
    name: tensorName,
    /** [1, channels, height, width] */
    shape: v.tuple([v.literal(1), v.literal(planes), size, size]),
    channels: v.picklist(channels),
    mean: finite,
    divisor: v.pipe(finite, v.notValue(0)),
  });
const colour = input(['rgb', 'bgr'], 3);

const detect = v.pipe(
  v.object({
    ...model,
    input: colour,
    /** [1, boxes, 2]: probability of background and of a face. */
    scores: v.object({ name: tensorName, shape: v.tuple([v.literal(1), size, v.literal(2)]) }),
    /** [1, boxes, 4]: x1, y1, x2, y2 as fractions 0..1 of the input. */
    boxes: v.object({ name: tensorName, shape: v.tuple([v.literal(1), size, v.literal(4)]) }),
    /** A box is a face above this probability. */
    minScore: fraction,
    /** Of two boxes whose intersection over union is greater, only the better one is kept. */
    maxOverlap: fraction,
  }),
  v.forward(
    v.check(d => d.scores.shape[1] === d.boxes.shape[1], 'must hold as many boxes as there are scores'),
    ['boxes'],
  ),
);

const landmark = v.pipe(
  v.object({
    ...model,
    input: input(['grey'], 1),
    /** [1, 2 n]: x, y of each point as fractions 0..1 of the crop. */
    output: v.object({ name: tensorName, shape: v.tuple([v.literal(1), size]) }),
    /** The square cut out around a box of w × h, in units of √(w h): its side, and its centre's offset from left and top. */
    crop: v.object({
      side: v.pipe(finite, v.gtValue(0)),
      left: finite,
      top: finite,
    }),
    /** For each of the five points (eyes, nose, corners of the mouth) the landmarks it is the mean of. */
    points: v.pipe(
      v.array(v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(0))), v.minLength(1))),
      v.length(5),
    ),
  }),
  v.forward(
    v.check(
      l => l.points.flat().every(i => 2 * i + 1 < l.output.shape[1]),
      'must be indices of landmarks that the output holds',
    ),
    ['points'],
  ),
);

const embed = v.object({
  ...model,
  input: colour,
  /** [1, length of the embedding] */
  output: v.object({ name: tensorName, shape: v.tuple([v.literal(1), size]) }),
  /** Where the five points lie in the input, in pixels. */
  template: v.pipe(v.array(v.tuple([finite, finite])), v.length(5)),
});

/** `manifest.json`: which models to run, and everything the code must know of them. */
export const ManifestSchema = v.object({
  name: v.pipe(
    v.string(),
    v.regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and hyphens'),
  ),
  licence: v.string(),
  thresholds: v.object({
    /** Recommended cosine similarity from which two faces count as one person's. */
    similarity: fraction,
    /** Norm of the raw embedding below which a detection is hardly a face. */
    quality: v.pipe(finite, v.minValue(0)),
    /** How similar strangers are: `evaluate` measures it. Needed for FACEREC_TARGET_FAR. */
    impostors: v.optional(
      v.object({
        mean: finite,
        deviation: v.pipe(finite, v.gtValue(0)),
        measuredTo: finite,
        /** The photos that it was measured with. */
        source: v.optional(v.string()),
      }),
    ),
  }),
  detect,
  landmark,
  embed,
});
export type Manifest = v.InferOutput<typeof ManifestSchema>;
export type DetectModel = Manifest['detect'];
export type LandmarkModel = Manifest['landmark'];
export type EmbedModel = Manifest['embed'];

const stages = ['detect', 'landmark', 'embed'] as const;
export type Stage = (typeof stages)[number];

export interface Models {
  readonly manifest: Manifest;
  /** Name and fingerprint of whatever influences embeddings: only embeddings of one id may be compared. */
  readonly id: string;
  /** The ONNX files. */
  readonly files: Readonly<Record<Stage, Uint8Array<ArrayBuffer>>>;
}

const bundledFiles: Readonly<Record<Stage, string>> = {
  detect: detectPath,
  landmark: landmarkPath,
  embed: embedPath,
};

/**
 * Reads `manifest.json` and its models from a folder, or the bundled ones where none is given.
 * @throws Error naming every fault of the manifest, or every file that is missing or not the one described.
 */
export async function loadModels(folder?: string): Promise<Models> {
  const manifest =
    folder === undefined ? parseManifest(bundled, 'bundled manifest') : await readManifest(folder);
  const faults: string[] = [];
  const read = async (stage: Stage): Promise<Uint8Array<ArrayBuffer>> => {
    const { file, sha256 } = manifest[stage];
    const path = folder === undefined ? bundledFiles[stage] : join(folder, file);
    const bytes = await Bun.file(path)
      .bytes()
      .catch((error: unknown) => {
        faults.push(`${file}: cannot be read: ${messageOf(error)}`);
      });
    if (bytes === undefined) return new Uint8Array();
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found !== sha256) faults.push(`${file}: expected sha256 ${sha256}, found ${found}`);
    return bytes;
  };
  const files = {
    detect: await read('detect'),
    landmark: await read('landmark'),
    embed: await read('embed'),
  };
  if (faults.length > 0) throw new Error(`models in ${folder ?? 'the program'}: ${faults.join('; ')}`);
  return { manifest, id: modelId(manifest), files };
}

async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, 'manifest.json');
  let json: unknown;
  try {
    json = await Bun.file(path).json();
  } catch (cause) {
    throw new Error(`${path}: ${messageOf(cause)}`, { cause });
  }
  return parseManifest(json, path);
}

/** @throws Error listing all faults, each with its place in the manifest. */
export function parseManifest(json: unknown, source: string): Manifest {
  const parsed = v.safeParse(ManifestSchema, json);
  if (parsed.success) return parsed.output;
  const faults = parsed.issues.map(issue => `${v.getDotPath(issue) ?? 'manifest'}: ${issue.message}`);
  throw new Error(`${source}: ${faults.join('; ')}`);
}

/** Raised whenever the code comes to compute other embeddings from the same models. */
const RECIPE = 1;

/**
 * `<name>-<12 hex digits>`: the first digits of the SHA-256 of what influences embeddings. Thresholds, licence and names of
 * files and tensors are left out: changing them leaves a gallery valid.
 */
export function modelId({ name, detect, landmark, embed }: Manifest): string {
  const feed = ({ shape, channels, mean, divisor }: Manifest[Stage]['input']) => [
    shape,
    channels,
    mean,
    divisor,
  ];
  const influences = [
    RECIPE,
    [detect.sha256, feed(detect.input)],
    [
      landmark.sha256,
      feed(landmark.input),
      landmark.crop.side,
      landmark.crop.left,
      landmark.crop.top,
      landmark.points,
    ],
    [embed.sha256, feed(embed.input), embed.output.shape, embed.template],
  ];
  return `${name}-${createHash('sha256').update(JSON.stringify(influences)).digest('hex').slice(0, 12)}`;
}
