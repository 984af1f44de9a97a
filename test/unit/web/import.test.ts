import { expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../../src/runtime/digest.ts';
import { type ImportOptions, importFolder } from '../../../src/web/import.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { done, jpeg, rig } from './support.ts';

const photo = (n: number) => new Uint8Array([...jpeg, n]);

function folderOf(people: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>): string {
  const folder = temporaryDirectory();
  for (const [person, files] of Object.entries(people)) {
    mkdirSync(join(folder, person), { recursive: true });
    for (const [file, bytes] of Object.entries(files)) writeFileSync(join(folder, person, file), bytes);
  }
  return folder;
}

/** A server whose worker answers all the time. */
async function running<T>(world: ReturnType<typeof rig>, work: () => Promise<T>, answer = done): Promise<T> {
  let ended = false;
  const result = work().finally(() => {
    ended = true;
  });
  while (!ended) {
    await world.work(answer);
    await Bun.sleep(1);
  }
  return result;
}

const clientOf = ({ app }: ReturnType<typeof rig>, folder: string): ImportOptions => ({
  folder,
  server: new URL('http://server/'),
  fetch: async (url, init) => app.request(url.pathname + url.search, init),
  pause: async () => {},
});

test('each folder becomes a person with its photos; run again, nothing is enrolled twice', async () => {
  const world = rig();
  const folder = folderOf({
    'Ada Lovelace': {
      'a.jpg': photo(1),
      'b.JPEG': photo(2),
      'copy of a.jpg': photo(1),
      'notes.txt': photo(9),
    },
    Zoë: { 'z.png': photo(3) },
  });
  const first = await running(world, () => importFolder(clientOf(world, folder)));
  expect(first).toEqual({ photos: 4, enrolled: 3, known: 1, refused: [] });
  const people = world.people.gallery.people();
  expect(people.map(({ name, faces }) => [name, faces.length])).toEqual([
    ['Ada Lovelace', 2],
    ['Zoë', 1],
  ]);
  // The worker of this test knows no digests; those of real ones do.
  for (const { id, faces } of people)
    await world.people.append(
      faces.map(
        ({ file }, n) =>
          ({
            ...{ type: 'face', person: id, face: Bun.randomUUIDv7(), file, model: 'm', quality: 1 },
            ...{
              digest: digestOf(photo(id === 'Zoë' ? 3 : n + 1)),
              embedding: { scale: 1, values: new Int8Array(2) },
            },
          }) as const,
      ),
    );
  writeFileSync(join(folder, 'Zoë', 'new.jpg'), photo(4));
  const second = await running(world, () => importFolder(clientOf(world, folder)));
  expect(second).toEqual({ photos: 5, enrolled: 1, known: 4, refused: [] });
});

test('photos that are refused are told with the reason, the others go on', async () => {
  const world = rig();
  const folder = folderOf({
    Ada: { 'good.jpg': photo(1), 'bad.jpg': photo(2), 'none.jpg': new Uint8Array([1, 2, 3]) },
    'a:b': { 'x.jpg': photo(3) },
  });
  const { enrolled, refused } = await running(
    world,
    () => importFolder(clientOf(world, folder)),
    request =>
      request.file === 'bad.jpg'
        ? { id: request.id, file: request.file, status: 'failed', reason: 'too-blurred', detail: 'Blurred.' }
        : done(request),
  );
  expect(enrolled).toBe(1);
  expect(refused.map(({ file, reason }) => `${file} ${reason}`).sort()).toEqual([
    'Ada/bad.jpg too-blurred',
    'Ada/none.jpg unsupported-format',
    'a:b/x.jpg invalid-name',
  ]);
});

test('a server that is busy is asked again; one that wants a key, or is away, ends it with the reason', async () => {
  const world = rig();
  const folder = folderOf({ Ada: { 'a.jpg': photo(1) } });
  const options = clientOf(world, folder);
  let refusals = 3;
  const busy: ImportOptions = {
    ...options,
    fetch: async (url, init) =>
      refusals-- > 0 ? new Response(null, { status: 503 }) : options.fetch!(url, init),
  };
  expect((await running(world, () => importFolder(busy))).enrolled).toBe(1);
  const closed: ImportOptions = { ...options, fetch: async () => new Response(null, { status: 401 }) };
  await expect(importFolder(closed)).rejects.toThrow('--key-file');
  const away: ImportOptions = { ...options, fetch: async () => Promise.reject(new Error('refused')) };
  await expect(importFolder(away)).rejects.toThrow('http://server/: refused');
});
