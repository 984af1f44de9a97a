import { describe, expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { $ } from 'bun';
import * as v from 'valibot';
import { schemas } from '../../../src/web/openapi/schemas.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { decode } from './decode.ts';
import { failure, jpeg, multipart, problem, rig, withHeaders } from './support.ts';
import { zip } from './zip.ts';

const part = (file: string, content: Uint8Array | string = jpeg) => ({
  disposition: `name="inputFile"; filename="${file}"`,
  content,
});
const zipped = (body: Uint8Array): RequestInit => ({
  method: 'POST',
  body,
  headers: { 'content-type': 'application/zip' },
});

async function outcomes(response: Response) {
  expect(response.status).toBe(202);
  const { files } = v.parse(schemas.Batch, await response.json());
  return files.map(file => [
    file.file,
    file.status === 'queued' ? 'queued' : file.problem.type.replace('urn:facerec:problem:', ''),
  ]);
}

describe('a batch of parts', () => {
  test('is answered file by file, in order, and each has a result', async () => {
    const { app, requests, work } = rig();
    const parts = [part('a.jpg'), part('notes.txt', 'text'), part('b.jpg'), part('c.jpg', '')];
    const response = await app.request('/batch', multipart(parts));
    const { files, queued, refused } = v.parse(schemas.Batch, await response.clone().json());
    expect([queued, refused]).toEqual([2, 2]);
    expect(await outcomes(response)).toEqual([
      ['a.jpg', 'queued'],
      ['notes.txt', 'unsupported-format'],
      ['b.jpg', 'queued'],
      ['c.jpg', 'empty-file'],
    ]);
    expect(
      requests.bodies
        .map(decode)
        .map(({ file }) => file)
        .sort(),
    ).toEqual(['a.jpg', 'b.jpg']);
    await work();
    for (const file of files) {
      if (file.status === 'refused') continue;
      expect(await (await app.request(file.result)).json()).toMatchObject({ id: file.id, file: file.file });
    }
  });

  test('takes a threshold for all, and files of one name', async () => {
    const { app, requests } = rig();
    const threshold = { disposition: 'name="threshold"', content: '0.5' };
    await app.request('/batch', multipart([threshold, part('a.jpg'), part('a.jpg')]));
    const [first, second] = requests.bodies.map(decode);
    expect(first).toMatchObject({ file: 'a.jpg', threshold: 0.5 });
    expect(second!.id).not.toBe(first!.id);
  });

  test('takes a zip file among them, and more than one', async () => {
    const { app } = rig();
    const parts = [part('a.jpg'), part('x.zip', zip([{ name: 'b.jpg', content: jpeg }])), part('c.jpg')];
    expect((await outcomes(await app.request('/batch', multipart(parts)))).map(([file]) => file)).toEqual([
      'a.jpg',
      'b.jpg',
      'c.jpg',
    ]);
  });

  test('of 1,000 files is taken, of one more refused', async () => {
    const { app, requests } = rig();
    const many = Array.from({ length: 1_000 }, (_, i) => part(`${i}.jpg`));
    expect((await app.request('/batch', multipart(many))).status).toBe(202);
    expect(new Set(requests.bodies.map(decode).map(({ id }) => id)).size).toBe(1_000);
    expect(await problem(await app.request('/batch', multipart([...many, part('more.jpg')])))).toBe(
      '413 too-many-files',
    );
    expect(requests.bodies).toHaveLength(1_000);
  });

  test.each([
    [{ method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } }, '415 not-batch'],
    [multipart([{ disposition: 'name="threshold"', content: '0.5' }]), '400 empty-batch'],
    [multipart([part('a.txt', 'text')]), '422 nothing-accepted'],
    [multipart([part('a.jpg'), { disposition: 'name="threshold"', content: '7' }]), '400 invalid-threshold'],
    [multipart([part('a.jpg', Buffer.alloc(2_500_000))]), '413 too-large'],
  ])('%#: refused as a whole', async (init, expected) => {
    const { app, requests } = rig({ maxBatchBytes: 300_000 });
    expect(await problem(await app.request('/batch', init))).toBe(expected);
    expect(requests.bodies).toEqual([]);
  });

  test('is a 503 when nothing could be stored', async () => {
    const { app, input } = rig();
    input.fail = failure('ENOSPC');
    expect(await problem(await app.request('/batch', multipart([part('a.jpg')])))).toBe(
      '503 storage-unavailable',
    );
  });
});

describe('a zip file', () => {
  test('is read as Info-ZIP and Python write it', async () => {
    const directory = temporaryDirectory();
    await writeFile(join(directory, 'a.jpg'), Buffer.concat([jpeg, Buffer.alloc(5_000, 7)]));
    const script =
      "import zipfile; z=zipfile.ZipFile('p.zip','w',zipfile.ZIP_DEFLATED); z.write('a.jpg','dir/ä.jpg'); z.mkdir('empty') if hasattr(z,'mkdir') else None; z.close()";
    await $`python3 -c ${script}`.cwd(directory);
    const { app, input } = rig();
    const body = new Uint8Array(await Bun.file(join(directory, 'p.zip')).arrayBuffer());
    expect(await outcomes(await app.request('/batch', zipped(body)))).toEqual([['dir/ä.jpg', 'queued']]);
    const stored = [...input.objects].map(([key, { body: photo }]) => [key.slice(37), photo.length]);
    expect(stored).toEqual([['ä.jpg', jpeg.length + 5_000]]);
  });

  test('loses its paths, whatever tricks they play, and what systems add', async () => {
    const { app, input } = rig();
    const names = [
      '../../etc/a.jpg',
      '/b.jpg',
      'C:\\x\\c.jpg',
      '..\\d.jpg',
      'dir/',
      '__MACOSX/._a.jpg',
      'x/.DS_Store',
    ];
    const files = [...names, 'nul\0.jpg', '..'].map(name => ({ name, content: jpeg }));
    expect((await outcomes(await app.request('/batch', zipped(zip(files))))).map(([, what]) => what)).toEqual(
      [...Array.from({ length: 4 }, () => 'queued'), 'invalid-file-name'],
    );
    expect([...input.objects.keys()].map(key => key.slice(37)).sort()).toEqual([
      'a.jpg',
      'b.jpg',
      'c.jpg',
      'd.jpg',
    ]);
  });

  test('is bounded in each file and in all, whatever it says of their sizes', async () => {
    const { app, input } = rig({ maxUploadBytes: 50_000, maxBatchBytes: 200_000 });
    const bomb = Buffer.concat([jpeg, Buffer.alloc(40_000_000)]);
    const big = Buffer.concat([jpeg, Buffer.alloc(49_000)]);
    const files = [
      { name: 'bomb.jpg', content: bomb },
      ...Array.from({ length: 8 }, (_, i) => ({ name: `${i}.jpg`, content: big })),
    ];
    const body = zip(files);
    expect(body.length).toBeLessThan(100_000);
    const answers = await outcomes(await app.request('/batch', zipped(body)));
    expect(answers[0]).toEqual(['bomb.jpg', 'too-large']);
    const taken = answers.filter(([, what]) => what === 'queued').length;
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThanOrEqual(4);
    expect(
      [...input.objects.values()].reduce((sum, { body: { length } }) => sum + length, 0),
    ).toBeLessThanOrEqual(200_000);
  });

  test('is refused file by file where one is bad', async () => {
    const { app } = rig();
    const files = [
      { name: 'good.jpg', content: jpeg },
      { name: 'stored.jpg', content: jpeg, method: 0 },
      { name: 'damaged.jpg', content: jpeg, crc: 1 },
      { name: 'encrypted.jpg', content: jpeg, flags: 1 },
      { name: 'lzma.jpg', content: jpeg, method: 14 },
      { name: 'inner.zip', content: zip([{ name: 'a.jpg', content: jpeg }]) },
      { name: 'a.txt', content: 'text' },
    ];
    expect(await outcomes(await app.request('/batch', zipped(zip(files, { comment: 'by hand' }))))).toEqual([
      ['good.jpg', 'queued'],
      ['stored.jpg', 'queued'],
      ['damaged.jpg', 'invalid-zip'],
      ['encrypted.jpg', 'invalid-zip'],
      ['lzma.jpg', 'invalid-zip'],
      ['inner.zip', 'nested-archive'],
      ['a.txt', 'unsupported-format'],
    ]);
  });

  const two = zip([
    { name: 'a.jpg', content: jpeg },
    { name: 'b.jpg', content: jpeg },
  ]);
  /** Both entries of the directory point to the first file. */
  const overlapping = () => {
    const bytes = Buffer.from(two);
    const second = bytes.lastIndexOf('PK\x01\x02');
    bytes.writeUInt32LE(0, second + 42);
    return bytes;
  };
  test.each([
    ['cut off', two.subarray(0, -1)],
    ['without directory', two.subarray(0, 60)],
    ['of files that share bytes', overlapping()],
    ['whose files are elsewhere', zip([{ name: 'a.jpg', content: jpeg }], { shift: 5 })],
    ['that begins late', Buffer.concat([Buffer.from('PK\x03\x04 '), two])],
    ['that is none', Buffer.from('no zip at all, but some text')],
  ])('%s is refused as a whole', async (_, body) => {
    const { app, requests } = rig();
    expect(await problem(await app.request('/batch', zipped(body)))).toBe('400 invalid-zip');
    expect(requests.bodies).toEqual([]);
  });

  test('with any byte changed is answered, never with a 500', async () => {
    const { app } = rig();
    for (let at = 0; at < two.length; at++) {
      const bytes = Buffer.from(two);
      bytes[at]! ^= 0xff;
      expect([202, 400, 413, 422]).toContain((await app.request('/batch', zipped(bytes))).status);
    }
  });

  test('of more than 1,000 files is refused', async () => {
    const { app } = rig();
    const files = Array.from({ length: 1_001 }, (_, i) => ({ name: `${i}.jpg`, content: jpeg, method: 0 }));
    expect(await problem(await app.request('/batch', zipped(zip(files))))).toBe('413 too-many-files');
  });
});

test('the same batch with the same Idempotency-Key has the same ids, and is done once', async () => {
  const { app, requests, work } = rig();
  const init = (content = jpeg) =>
    withHeaders(multipart([part('a.jpg'), part('b.jpg', content)]), { 'idempotency-key': 'batch-1' });
  const first = await (await app.request('/batch', init())).json();
  await work();
  expect(await (await app.request('/batch', init())).json()).toEqual(first);
  expect(requests.bodies).toEqual([]);
  const other = await app.request('/batch', init(Buffer.concat([jpeg, Buffer.from('x')])));
  expect(await problem(other)).toBe('422 idempotency-key-reused');
});
