import { afterAll, describe, expect, test } from 'bun:test';
import { readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { LocalQueue } from '../../../src/adapters/local/queue.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const disk = mountSmallDisk(4);
if (disk === undefined)
  console.warn('full disk: left out, because mounting a small tmpfs is not permitted here');

describe.skipIf(disk === undefined)('on a full disk', () => {
  afterAll(() => Bun.spawnSync(['umount', '-l', disk!]));

  test('sends reject, and work again when there is room', async () => {
    const queue = new LocalQueue({ file: join(disk!, 'queues'), name: 'q', visibilitySeconds: 30 });
    await queue.send('before');
    const ballast = fill(disk!);
    const accepted: string[] = [];
    const errors: unknown[] = [];
    for (let i = 0; i < 300 && errors.length < 5; i++) {
      const body = `${i} ${'x'.repeat(20_000)}`;
      await queue.send(body).then(
        () => accepted.push(body),
        error => errors.push(error),
      );
    }
    expect(errors).toHaveLength(5);
    for (const error of errors) expect((error as NodeJS.ErrnoException).code).toBe('SQLITE_FULL');
    rmSync(ballast);
    await queue.send('after');
    const seen: string[] = [];
    for (;;) {
      const messages = await queue.receive({ max: 10, waitSeconds: 0 });
      if (messages.length === 0) break;
      seen.push(...messages.map(({ body }) => body));
      await Promise.all(messages.map(({ receipt }) => queue.delete(receipt)));
    }
    expect(seen).toEqual(['before', ...accepted, 'after']);
    await queue.close();
  });

  test('receives reject, and lose nothing', async () => {
    const queue = new LocalQueue({ file: join(disk!, 'receiving'), name: 'q', visibilitySeconds: 30 });
    for (let i = 0; i < 20; i++) await queue.send(`${i} ${'x'.repeat(20_000)}`);
    const ballast = fill(disk!);
    const receiveOne = () => queue.receive({ max: 1, waitSeconds: 0 });
    const tried: unknown[] = [];
    // A few may succeed, where the log has room left in its last page.
    while (!tried.includes('SQLITE_FULL')) {
      tried.push(
        await receiveOne().then(
          ({ length }) => length,
          (error: NodeJS.ErrnoException) => error.code,
        ),
      );
    }
    const inFlight = tried.filter(outcome => outcome === 1).length;
    expect(await queue.depth()).toEqual({ visible: 20 - inFlight, inFlight, delayed: 0, dead: 0 });
    rmSync(ballast);
    expect(await receiveOne()).toHaveLength(1);
    await queue.close();
  });

  test('puts reject with ENOSPC and leave nothing; the old object stays', async () => {
    const blobs = await LocalBlobs.open(join(disk!, 'blobs'));
    await blobs.put('photo', Buffer.alloc(1_000, 1));
    const ballast = fill(disk!);
    for (const options of [{}, { ifAbsent: true }, { ifMatch: 'x' }]) {
      const error = await blobs.put('photo', Buffer.alloc(500_000, 2), options).catch((e: unknown) => e);
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
    expect(readdirSync(join(disk!, 'blobs', 'tmp'))).toEqual([]);
    expect((await blobs.get('photo'))?.body).toHaveLength(1_000);
    rmSync(ballast);
    await blobs.put('photo', Buffer.alloc(500_000, 3));
    expect((await blobs.get('photo'))?.body).toHaveLength(500_000);
    await blobs.close();
  });

  test('photos are refused while results can still be stored', async () => {
    const photos = await LocalBlobs.open(join(disk!, 'photos'), { leaveRoom: true });
    const results = await LocalBlobs.open(join(disk!, 'results'));
    const stored: string[] = [];
    let refusal: unknown;
    while (refusal === undefined) {
      const key = `photo ${stored.length}`;
      await photos.put(key, Buffer.alloc(50_000)).then(
        () => stored.push(key),
        error => {
          refusal = error;
        },
      );
    }
    expect((refusal as NodeJS.ErrnoException).code).toBe('ENOSPC');
    await results.put('result', Buffer.alloc(100_000));
    for (const key of stored) await photos.delete(key);
    await photos.put('photo', Buffer.alloc(50_000));
    await photos.close();
    await results.close();
  });
});

/** A file system of that many MiB, or undefined where it takes more rights than we have. */
function mountSmallDisk(megabytes: number): string | undefined {
  const directory = temporaryDirectory();
  const command = ['mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory];
  try {
    return Bun.spawnSync(command, { stderr: 'ignore' }).success ? directory : undefined;
  } catch {
    return undefined;
  }
}

/** Takes all room that is left, with one file, whose path it gives. */
function fill(directory: string): string {
  const ballast = join(directory, 'ballast');
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(ballast, Buffer.alloc(bavail * bsize));
  return ballast;
}
