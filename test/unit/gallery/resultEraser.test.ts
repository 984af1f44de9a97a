import { expect, test } from 'bun:test';
import { ResultEraser } from '../../../src/gallery/resultEraser.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { MemoryBlobs } from '../web/support.ts';

const MINUTE = 60_000;
const idAt = (time: number) => Bun.randomUUIDv7('hex', time);
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** A store of results, and a deletion of Ada at time 0. */
async function rig(results: number) {
  const [gallery, output] = [new MemoryBlobs(), new MemoryBlobs()];
  let time = 1_700_000_000_000;
  const removed = new Map([['ada', idAt(time)]]);
  for (let i = 0; i < results; i++)
    await output.put(`${idAt(time - i)}/a${i}.json`, encode(named(i % 2 ? 'ada' : 'bob')));
  await output.put('fleet/heartbeats/ada', encode({ ada: 1 }));
  const events: string[] = [];
  const log = {
    ...silentLog,
    info: (event: string, fields = {}) => events.push(JSON.stringify({ event, ...fields })),
  };
  const make = (msPerLook = 0) =>
    new ResultEraser({ gallery, output, removals: () => removed, log, now: () => (time += msPerLook) });
  const naming = async (person: string) => {
    const all = await Promise.all((await output.list('')).map(({ key }) => output.get(key)));
    return all.filter(blob => new TextDecoder().decode(blob!.body).includes(`"person":"${person}"`)).length;
  };
  return { make, naming, removed, events, output, pass: (ms: number) => (time += ms), now: () => time };
}

function named(person: string) {
  const id = idAt(1);
  const landmarks = new Array(5).fill([0, 0]);
  const face = {
    box: [0, 0, 1, 1],
    score: 1,
    landmarks,
    quality: 3,
    person,
    label: person,
    similarity: 0.5,
    margin: null,
  };
  return {
    ...{ id, file: 'a.jpg', status: 'done', label: person, image: { width: 1, height: 1 }, faces: [face] },
    ...{ threshold: 0.4, model: 'm', timings: {} },
  };
}

test('a minute after the deletion no result names the person, and others are as they were', async () => {
  const { make, naming, pass, events, output } = await rig(10);
  const eraser = make();
  await eraser.round();
  expect(await naming('ada')).toBe(5);
  pass(MINUTE);
  await eraser.round();
  expect(await naming('ada')).toBe(0);
  expect(await naming('bob')).toBe(5);
  expect(await output.get('fleet/heartbeats/ada')).toBeDefined();
  expect(events.filter(line => line.includes('"audit"'))).toHaveLength(1);
  expect(events.join()).toContain('"results":5');
});

test('it goes on where it was after a restart, looks again for later deletions only', async () => {
  const { make, naming, pass, removed, events, now } = await rig(100);
  pass(MINUTE);
  // Time for one handful of results a round.
  await make(1500).round();
  const left = await naming('ada');
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(50);
  const restarted = make();
  await restarted.round();
  expect(await naming('ada')).toBe(0);
  expect(events.at(-1)).toContain(`"results":${left}`);
  const lines = events.length;
  for (const eraser of [restarted, make()]) await eraser.round();
  expect(events).toHaveLength(lines);
  removed.set('bob', idAt(now()));
  pass(MINUTE);
  await restarted.round();
  expect(await naming('bob')).toBe(0);
});

test('a result that is deleted while it is looked at stays deleted', async () => {
  const { make, pass, output, naming } = await rig(2);
  const { put } = MemoryBlobs.prototype;
  output.put = async (key, body, options) => {
    await output.delete(key);
    return put.call(output, key, body, options);
  };
  pass(MINUTE);
  await make().round();
  expect(await naming('ada')).toBe(0);
  expect((await output.list('0')).length).toBe(1);
});

test('results are listed a thousand at a time', async () => {
  const { make, naming, pass, output, events } = await rig(2_500);
  const asked: unknown[] = [];
  const { list } = MemoryBlobs.prototype;
  output.list = (prefix, options) => {
    asked.push(options?.limit);
    return list.call(output, prefix, options);
  };
  pass(MINUTE);
  await make().round();
  expect(asked).toEqual([1_000, 1_000, 1_000, 1_000]);
  expect(await naming('ada')).toBe(0);
  expect(events.join()).toContain('"looked":2500');
});
