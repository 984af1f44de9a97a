/**
 * Models for a worker that can be made to hang inside native code: the bundled ones, but for a detector that finds
 * nobody and, in a photo that is almost white, never comes to an end.
 */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { loadModels } from '../../src/face/manifest.ts';

/** Protocol buffers: a varint field, or a field of bytes. */
type Field = readonly [number: number, value: number | string | Uint8Array];

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

function message(...fields: readonly Field[]): Uint8Array {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number') return Buffer.from([...varint(number * 8), ...varint(value)]);
      const bytes = Buffer.from(value as Uint8Array);
      return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
    }),
  );
}

const FLOAT = 1;
const INT64 = 7;
const BOOL = 9;

/** Field numbers are those of onnx.proto. */
const tensor = (name: string, type: number, shape: readonly number[], data: ArrayBufferView) =>
  message(
    ...shape.map(n => [1, n] as const),
    [2, type],
    [8, name],
    [9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
  );
const value = (name: string, type: number, shape: readonly number[]) => {
  const dimensions = message(...shape.map(n => [1, message([1, n])] as const));
  return message([1, name], [2, message([1, message([1, type], [2, dimensions])])]);
};
const node = (operator: string, inputs: string[], outputs: string[], ...attributes: Uint8Array[]) =>
  message(
    ...inputs.map(name => [1, name] as const),
    ...outputs.map(name => [2, name] as const),
    [4, operator],
    ...attributes.map(bytes => [5, bytes] as const),
  );
const integer = (name: string, i: number) => message([1, name], [3, i], [20, 2]);
const graph = (name: string, g: Uint8Array) => message([1, name], [6, g], [20, 5]);

const body = message(
  [1, node('Identity', ['go_on'], ['goes_on'])],
  [1, node('Add', ['before', 'one'], ['after'])],
  [2, 'again'],
  [5, tensor('one', FLOAT, [], new Float32Array([1]))],
  [11, value('turn', INT64, [])],
  [11, value('go_on', BOOL, [])],
  [11, value('before', FLOAT, [])],
  [12, value('goes_on', BOOL, [])],
  [12, value('after', FLOAT, [])],
);

const detector = (input: readonly number[], scores: readonly number[], boxes: readonly number[]) => {
  const shape = (name: string, dimensions: readonly number[]) =>
    tensor(name, INT64, [dimensions.length], new BigInt64Array(dimensions.map(BigInt)));
  const main = message(
    [1, node('ReduceMean', ['input'], ['brightness'], integer('keepdims', 0))],
    [1, node('Greater', ['brightness', 'bright'], ['endless'])],
    [1, node('Loop', ['', 'endless', 'zero'], ['end'], graph('body', body))],
    [1, node('Expand', ['end', 'scores_shape'], ['scores'])],
    [1, node('Expand', ['end', 'boxes_shape'], ['boxes'])],
    [2, 'detector'],
    [5, tensor('bright', FLOAT, [], new Float32Array([0.9]))],
    [5, tensor('zero', FLOAT, [], new Float32Array([0]))],
    [5, shape('scores_shape', scores)],
    [5, shape('boxes_shape', boxes)],
    [11, value('input', FLOAT, input)],
    [12, value('scores', FLOAT, scores)],
    [12, value('boxes', FLOAT, boxes)],
  );
  return message([1, 8], [7, main], [8, message([1, ''], [2, 13])]);
};

/** Writes the models and their manifest into the folder. */
export async function writeEndlessModels(folder: string): Promise<void> {
  const { manifest, files } = await loadModels();
  const { input, scores, boxes } = manifest.detect;
  const endless = detector(input.shape, scores.shape, boxes.shape);
  const sha256 = createHash('sha256').update(endless).digest('hex');
  const detect = { ...manifest.detect, file: 'endless.onnx', sha256 };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'endless.onnx'), endless);
  await writeFile(join(folder, manifest.landmark.file), files.landmark);
  await writeFile(join(folder, manifest.embed.file), files.embed);
  await writeFile(join(folder, 'manifest.json'), JSON.stringify({ ...manifest, name: 'endless', detect }));
}

const plain = (grey: number) =>
  sharp({ create: { width: 640, height: 480, channels: 3, background: { r: grey, g: grey, b: grey } } })
    .jpeg()
    .toBuffer();

/** The photo in which the detector gets lost, and one in which it does not. */
export const endlessPhoto = (): Promise<Uint8Array> => plain(255);
export const harmlessPhoto = (): Promise<Uint8Array> => plain(60);
