import { describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModels, type Manifest, modelId, parseManifest } from '../../../src/face/manifest.ts';
import { models } from './stages.ts';

const { manifest } = models;

async function inFolder<T>(files: Record<string, string | Uint8Array>, use: (folder: string) => Promise<T>) {
  const folder = await mkdtemp(join(tmpdir(), 'facerec-models-'));
  try {
    for (const [name, content] of Object.entries(files)) await Bun.write(join(folder, name), content);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const messageOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: Error) => error.message,
  );

describe('the bundled models', () => {
  test('are those the recipe was measured with', () => {
    expect(models.id).toBe('faceplugin-3314a2297fda');
    expect(manifest.thresholds).toMatchObject({ similarity: 0.4, quality: 2.4 });
    expect(manifest.embed.output.shape).toEqual([1, 512]);
    expect(createHash('sha256').update(models.files.embed).digest('hex')).toBe(manifest.embed.sha256);
  });
});

describe('a folder of models', () => {
  const files = {
    'manifest.json': JSON.stringify({ ...manifest, name: 'mine' }),
    'fr_detect.onnx': models.files.detect,
    'fr_landmark.onnx': models.files.landmark,
    'fr_feature.onnx': models.files.embed,
  };

  test('is read', async () => {
    const loaded = await inFolder(files, loadModels);
    expect(loaded.id).toMatch(/^mine-[0-9a-f]{12}$/);
    expect(loaded.files).toEqual(models.files);
  });

  test('every file that is missing or another is named, with the hashes', async () => {
    const { 'fr_detect.onnx': _, ...rest } = files;
    const message = await messageOf(inFolder({ ...rest, 'fr_feature.onnx': 'other' }, loadModels));
    const found = createHash('sha256').update('other').digest('hex');
    expect(message).toContain(`fr_feature.onnx: expected sha256 ${manifest.embed.sha256}, found ${found}`);
    expect(message).toContain('fr_detect.onnx: cannot be read');
    expect(message).not.toContain('fr_landmark.onnx');
  });

  test('without a manifest, or with one that is no JSON, names its path', async () => {
    expect(await messageOf(inFolder({}, loadModels))).toContain('manifest.json');
    expect(await messageOf(inFolder({ 'manifest.json': '{' }, loadModels))).toContain('manifest.json');
  });
});

describe('parseManifest', () => {
  test('lists all faults with their place', () => {
    const bad = {
      ...manifest,
      name: 'My Models',
      detect: { ...manifest.detect, sha256: 'abc', boxes: { name: 'boxes', shape: [1, 9, 4] } },
      embed: { ...manifest.embed, file: '../secret', input: { ...manifest.embed.input, divisor: 0 } },
    };
    const places = ['name', 'detect.sha256', 'embed.file', 'embed.input.divisor'];
    for (const place of places) expect(() => parseManifest(bad, 'm.json')).toThrow(`${place}: `);
  });

  test('compares shapes with each other, and indices with shapes', () => {
    const boxes = { ...manifest.detect.boxes, shape: [1, 9, 4] };
    expect(() => parseManifest({ ...manifest, detect: { ...manifest.detect, boxes } }, 'm')).toThrow(
      'detect.boxes',
    );
    const points = [[0], [1], [2], [3], [68]];
    expect(() => parseManifest({ ...manifest, landmark: { ...manifest.landmark, points } }, 'm')).toThrow(
      'landmark.points',
    );
  });

  test('takes models of another kind', () => {
    const embed: Manifest['embed'] = {
      ...manifest.embed,
      input: { ...manifest.embed.input, channels: 'rgb', mean: 0, divisor: 1 },
      output: { name: 'fc1', shape: [1, 128] },
    };
    expect(parseManifest({ ...manifest, embed }, 'm').embed).toEqual(embed);
  });
});

describe('modelId', () => {
  test('stays when nothing changes that embeddings depend on', () => {
    const other: Manifest = {
      ...manifest,
      licence: 'other',
      thresholds: { similarity: 0.5, quality: 1 },
      detect: { ...manifest.detect, file: 'renamed.onnx', minScore: 0.5 },
    };
    expect(modelId(other)).toBe(models.id);
  });

  test('changes with weights, preprocessing and alignment', () => {
    const { detect, landmark, embed } = manifest;
    const others: Manifest[] = [
      { ...manifest, detect: { ...detect, sha256: '0'.repeat(64) } },
      { ...manifest, landmark: { ...landmark, crop: { ...landmark.crop, side: 1.2 } } },
      { ...manifest, embed: { ...embed, input: { ...embed.input, channels: 'rgb' } } },
      { ...manifest, embed: { ...embed, input: { ...embed.input, mean: 127 } } },
      { ...manifest, embed: { ...embed, template: embed.template.map(([x, y]) => [x + 8, y]) } },
    ];
    expect(new Set([models.id, ...others.map(modelId)]).size).toBe(others.length + 1);
  });
});
