import { Database } from 'bun:sqlite';
import { describe, expect, test } from 'bun:test';
import { readdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { LocalQueue, type LocalQueueOptions } from '../../../src/adapters/local/queue.ts';
import { temporaryDirectory, until } from '../../support/temporary.ts';

const directory = temporaryDirectory();
let made = 0;

function options(more: Partial<LocalQueueOptions> = {}): LocalQueueOptions {
  return { file: join(directory, `q-${made++}`), name: 'requests', visibilitySeconds: 30, ...more };
}

describe('LocalQueue', () => {
  test('keeps messages when it is closed and opened again', async () => {
    const same = options();
    const first = new LocalQueue(same);
    const sending = Promise.all(['a', 'b'].map(body => first.send(body)));
    await first.close();
    await sending;
    const second = new LocalQueue(same);
    expect((await second.receive({ max: 10, waitSeconds: 0 })).map(({ body }) => body)).toEqual(['a', 'b']);
    await second.close();
  });

  test('queues of one file do not see each other', async () => {
    const { file } = options();
    const [a, b] = ['a', 'b'].map(name => new LocalQueue(options({ file, name })));
    await a!.send('for a');
    const [message] = await a!.receive({ max: 1, waitSeconds: 0 });
    expect(await b!.receive({ max: 1, waitSeconds: 0 })).toEqual([]);
    expect(await b!.release(message!.receipt)).toBe(false);
    await b!.delete(message!.receipt);
    expect((await a!.depth()).inFlight).toBe(1);
    expect((await b!.depth()).visible).toBe(0);
    await Promise.all([a!.close(), b!.close()]);
  });

  test('delivers in the order of sending', async () => {
    const queue = new LocalQueue(options());
    for (let i = 0; i < 12; i++) await queue.send(`${i}`);
    const first = await queue.receive({ max: 10, waitSeconds: 0 });
    const rest = await queue.receive({ max: 10, waitSeconds: 0 });
    expect([...first, ...rest].map(({ body }) => Number(body))).toEqual([...Array(12).keys()]);
    await queue.close();
  });

  test('a long poll wakes when a timeout ends, without a ring', async () => {
    const queue = new LocalQueue(options({ visibilitySeconds: 0.3 }));
    await queue.send('again');
    await queue.receive({ max: 1, waitSeconds: 0 });
    const started = performance.now();
    const [message] = await queue.receive({ max: 1, waitSeconds: 20 });
    expect(message?.receiveCount).toBe(2);
    expect(performance.now() - started).toBeGreaterThan(250);
    await queue.close();
  });

  test('depth moves spent messages without a receiver, and wakes who waits for dead letters', async () => {
    let time = Date.now();
    const shared = options({ maxReceives: 2, deadLetters: 'dead', now: () => time });
    const queue = new LocalQueue(shared);
    const dead = new LocalQueue({ file: shared.file, name: 'dead', visibilitySeconds: 30, now: () => time });
    await queue.send('poison');
    for (let i = 0; i < 2; i++) {
      expect(await queue.receive({ max: 1, waitSeconds: 0 })).toHaveLength(1);
      time += 31_000;
    }
    const waiting = dead.receive({ max: 1, waitSeconds: 20 });
    expect(await queue.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 1 });
    expect((await waiting).map(({ body, receiveCount }) => [body, receiveCount])).toEqual([['poison', 1]]);
    await Promise.all([queue.close(), dead.close()]);
  });

  test('two queue objects of one process wake each other', async () => {
    const same = options();
    const [a, b] = [new LocalQueue(same), new LocalQueue(same)];
    const waiting = a.receive({ max: 1, waitSeconds: 20 });
    await b.send('across');
    expect(await waiting).toHaveLength(1);
    await Promise.all([a.close(), b.close()]);
  });

  test('a lost bell file delays a message, and loses none', async () => {
    const same = options();
    const [a, b] = [new LocalQueue(same), new LocalQueue(same)];
    const waiting = a.receive({ max: 1, waitSeconds: 20 });
    unlinkSync(`${same.file}.requests.bell`);
    await b.send('unheard');
    expect(await waiting).toHaveLength(1);
    await Promise.all([a.close(), b.close()]);
  });

  test('close ends polls, commits what is under way, and leaves no file open', async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const warm = new LocalQueue(options());
    await warm.receive({ max: 1, waitSeconds: 0.01 });
    await warm.close();
    const before = open();
    const queue = new LocalQueue(options({ maxReceives: 3, deadLetters: 'dead' }));
    const polls = [1, 2, 3].map(() => queue.receive({ max: 1, waitSeconds: 20 }));
    await Bun.sleep(10);
    expect(open()).toBeGreaterThan(before);
    await queue.close();
    await queue.close();
    expect(await Promise.all(polls)).toEqual([[], [], []]);
    await until(() => open() <= before, 'files to be closed');
    await expect(queue.send('late')).rejects.toThrow('the queue is closed');
    await expect(queue.receive({ max: 1, waitSeconds: 0 })).rejects.toThrow('the queue is closed');
    await expect(queue.depth()).rejects.toThrow('the queue is closed');
  });

  test('a closed queue lets the process end', async () => {
    const script = `
      import { LocalQueue } from ${JSON.stringify(join(import.meta.dir, '../../../src/adapters/local/queue.ts'))};
      const queue = new LocalQueue(${JSON.stringify(options())});
      await queue.receive({ max: 1, waitSeconds: 0.1 });
      await queue.close();`;
    const child = Bun.spawn([process.execPath, '-e', script], { stdin: 'ignore', stderr: 'inherit' });
    expect(await child.exited).toBe(0);
  });

  test('the file is readable to its owner alone', async () => {
    const { file, ...rest } = options();
    const queue = new LocalQueue({ ...rest, file: join(`${file}-directory`, 'queues') });
    await queue.send('x');
    const names = readdirSync(`${file}-directory`);
    expect(names.sort()).toEqual(['queues', 'queues-shm', 'queues-wal', 'queues.requests.bell']);
    for (const name of names) expect(statSync(join(`${file}-directory`, name)).mode & 0o777).toBe(0o600);
    expect(statSync(`${file}-directory`).mode & 0o777).toBe(0o700);
    await queue.close();
  });

  test('rejects bodies that are not Unicode', async () => {
    const queue = new LocalQueue(options());
    await expect(queue.send('lone \ud800 surrogate')).rejects.toThrow('well-formed');
    await queue.close();
  });

  test.each([
    { name: '' },
    { name: '../escape' },
    { name: "x'; DROP TABLE messages; --" },
    { name: 'x'.repeat(81) },
    { maxReceives: 3 },
    { deadLetters: 'dead' },
    { maxReceives: 3, deadLetters: 'requests' },
    { maxReceives: 3, deadLetters: '../dead' },
    { maxReceives: 0, deadLetters: 'dead' },
    { visibilitySeconds: -1 },
    { visibilitySeconds: Number.NaN },
  ])('rejects options out of range: %j', more => {
    expect(() => new LocalQueue(options(more))).toThrow(RangeError);
  });

  test.each([
    { max: 0, waitSeconds: 0 },
    { max: 11, waitSeconds: 0 },
    { max: 1.5, waitSeconds: 0 },
    { max: 1, waitSeconds: 21 },
    { max: 1, waitSeconds: -1 },
  ])('rejects receives out of range: %j', async receive => {
    const queue = new LocalQueue(options());
    await expect(queue.receive(receive)).rejects.toThrow(RangeError);
    await queue.close();
  });

  test('refuses a file of another version, and one that is no database', async () => {
    const newer = options();
    const db = new Database(newer.file);
    db.run('PRAGMA user_version = 7');
    db.close();
    expect(() => new LocalQueue(newer)).toThrow('version 7');
    const other = options();
    await Bun.write(other.file, 'this is not a database, and long enough to be seen as such '.repeat(20));
    expect(() => new LocalQueue(other)).toThrow('not a database');
  });
});
