import { describe, expect, test } from 'bun:test';
import * as v from 'valibot';
import { timeOf } from '../../../src/core/messages.ts';
import { schemas } from '../../../src/web/openapi/schemas.ts';
import { MemoryBlobs, problem, rig } from './support.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** A server that holds results of these ages, ms; every third failed, every other one shows Ann. */
async function holding(ages: readonly number[]) {
  const world = rig();
  const ids: string[] = [];
  for (const [i, age] of ages.entries()) {
    const id = Bun.randomUUIDv7('hex', world.time.ms - age);
    ids.push(id);
    const common = { id, file: `${i}.jpg` };
    if (i % 3 === 2) {
      await world.complete({ ...common, status: 'failed', reason: 'not-an-image', detail: 'It is none.' });
      continue;
    }
    const face = {
      ...{
        box: [0, 0, 1, 1],
        score: 1,
        landmarks: Array(5).fill([0, 0]),
        quality: 3,
        similarity: 0.9,
        margin: null,
      },
      ...(i % 2 === 0 ? { person: 'ann', label: 'Ann' } : { label: 'unknown' }),
    };
    const rest = {
      label: face.label,
      image: { width: 1, height: 1 },
      threshold: 0.4,
      model: 'm',
      timings: {},
    };
    await world.complete(v.parse(schemas.Result, { ...common, ...rest, status: 'done', faces: [face] }));
  }
  return { ...world, ids };
}

async function page(app: Awaited<ReturnType<typeof holding>>['app'], path: string) {
  const response = await app.request(path);
  expect(response.status).toBe(200);
  const { results, next } = v.parse(schemas.ResultPage, await response.json());
  const link = /^<(.*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
  expect(link !== undefined).toBe(next !== undefined);
  return { ids: results.map(({ id }) => id), link };
}

async function everything(app: Awaited<ReturnType<typeof holding>>['app'], first: string) {
  const pages: string[][] = [];
  for (let at: string | undefined = first; at !== undefined; ) {
    const { ids, link } = await page(app, at);
    pages.push(ids);
    at = link;
  }
  return pages;
}

/** Counts from now on. */
function counted(output: MemoryBlobs) {
  const calls = { lists: 0 };
  const { list } = MemoryBlobs.prototype;
  output.list = (...given) => {
    calls.lists++;
    return list.apply(output, given);
  };
  output.reads = 0;
  return calls;
}

describe('the listing of results', () => {
  test('shows them the newest first, over gaps of any length, each once', async () => {
    const ages = [0, 1, 2, MINUTE, 5 * MINUTE, 3 * 60 * MINUTE, DAY, DAY + 1, 8 * DAY, 29 * DAY];
    const { app, ids } = await holding(ages);
    for (const limit of [1, 3, 4, 10, 100]) {
      const pages = await everything(app, `/results?limit=${limit}`);
      expect(pages.flat()).toEqual(ids);
      expect(Math.max(...pages.map(({ length }) => length))).toBe(Math.min(limit, ids.length));
    }
  });

  test('finds by status and person', async () => {
    const { app, ids } = await holding(Array.from({ length: 30 }, (_, i) => i * MINUTE));
    const wanted = (fits: (i: number) => boolean) => ids.filter((_, i) => fits(i));
    const found = async (query: string) => (await everything(app, `/results?limit=4&${query}`)).flat();
    expect(await found('status=failed')).toEqual(wanted(i => i % 3 === 2));
    expect(await found('person=ann')).toEqual(wanted(i => i % 3 !== 2 && i % 2 === 0));
    expect(await found('status=done&person=ann')).toEqual(wanted(i => i % 3 !== 2 && i % 2 === 0));
    expect(await found('person=ben')).toEqual([]);
  });

  test('is not shifted by what comes and goes between two pages', async () => {
    const { app, ids, complete, output, time } = await holding([0, 1_000, 2_000, 3_000, 4_000]);
    const { link } = await page(app, '/results?limit=2');
    const id = Bun.randomUUIDv7('hex', time.ms + 500);
    await complete({ id, file: 'new.jpg', status: 'failed', reason: 'not-an-image', detail: 'No.' });
    for (const gone of [ids[1]!, ids[2]!])
      for (const { key } of await output.list(`${gone}/`)) await output.delete(key);
    expect((await page(app, link!)).ids).toEqual([ids[3]!, ids[4]!]);
    expect((await page(app, '/results?limit=1')).ids).toEqual([id]);
  });

  test('ends a page early rather than search for long, and asks the store seldom', async () => {
    const { app, output } = await holding(Array.from({ length: 700 }, (_, i) => i * 10));
    const calls = counted(output);
    const pages = await everything(app, '/results?person=nobody');
    expect(pages).toEqual([[], []]);
    expect(calls.lists).toBeLessThanOrEqual(14);
  });

  test.each<[string, number, (i: number) => number, number]>([
    ['a second apart', 3_000, i => i * 1_000, 1],
    ['a minute apart', 3_000, i => i * MINUTE, 2],
    ['100 a second', 3_000, i => i * 10, 3],
    ['half an hour apart, the last one a week ago', 400, i => 7 * DAY + i * 30 * MINUTE, 6],
    ['in a second, an hour ago', 3_000, i => 60 * MINUTE + i / 3, 12],
    ['in half a minute, three days ago', 3_000, i => 3 * DAY + i * 10, 12],
    ['in a millisecond', 1_100, () => 5_000, 8],
    ['ten bursts, a day apart', 3_000, i => DAY * Math.floor(i / 300) + i * 10, 8],
  ])('finds the newest of results %s with few calls, and all of them', async (_, count, age, most) => {
    const ages = Array.from({ length: count }, (_, i) => Math.floor(age(i)));
    const { app, output, ids } = await holding(ages);
    const calls = counted(output);
    const first = await page(app, '/results');
    const inOrder = [...ids].sort().reverse();
    expect(first.ids).toEqual(inOrder.slice(0, 20));
    expect(calls.lists).toBeLessThanOrEqual(most);
    expect(output.reads).toBeLessThanOrEqual(40);
    const kept = inOrder.filter(id => timeOf(id) >= timeOf(inOrder[0]!) - 21 * DAY);
    const all = (await everything(app, '/results?limit=100')).flat();
    expect(all.slice(0, kept.length)).toEqual(kept);
  });

  test('leaves out what is older than results are kept, and what is no result', async () => {
    const { app, output, ids } = await holding([0, 400 * DAY]);
    await output.put('fleet/x', new Uint8Array());
    await output.put('0-idempotency/x', new Uint8Array());
    expect((await everything(app, '/results')).flat()).toEqual([ids[0]!]);
  });

  test.each(['limit=0', 'limit=101', 'limit=x', 'cursor=x', 'status=queued', 'cursor=../../etc'])(
    '%s: 400',
    async query => {
      const { app } = rig();
      expect(await problem(await app.request(`/results?${query}`))).toBe('400 invalid-page');
    },
  );
});
