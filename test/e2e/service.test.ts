import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import * as v from 'valibot';
import { LocalBlobs } from '../../src/adapters/local/blobs.ts';
import { LocalQueue } from '../../src/adapters/local/queue.ts';
import { type Recognised, type Result, ResultSchema } from '../../src/core/results.ts';
import { cast, known, photoOf } from '../support/cast.ts';
import { enrol, post } from '../support/client.ts';
import { groupPhoto } from '../support/photos.ts';
import { run, type System, startSystem } from '../support/system.ts';
import { temporaryDirectory, until } from '../support/temporary.ts';

const photos = {
  ada: await photoOf('ada'),
  ben: await photoOf('ben'),
  cleo: await photoOf('cleo'),
  eve: await photoOf('eve'),
};

const waited = (base: URL, query = '') => new URL(`?wait=60${query}`, base);

async function resultOf(answer: Response | Promise<Response>): Promise<Result> {
  return v.parse(ResultSchema, await (await answer).json());
}
async function recognised(answer: Response | Promise<Response>): Promise<Recognised> {
  const result = await resultOf(answer);
  if (result.status !== 'done' || !('label' in result))
    throw new Error(`not recognised: ${JSON.stringify(result)}`);
  return result;
}
async function enrolKnown(base: URL): Promise<void> {
  for (const name of known) {
    const answer = await enrol(base, name, `Name of ${name}`, { file: 'portrait.jpg', bytes: photos[name] });
    expect(answer.status).toBe(201);
  }
}

describe('one system', () => {
  const directory = join(temporaryDirectory(), 'data');
  let system: System;
  beforeAll(async () => {
    system = await startSystem(directory);
    await enrolKnown(system.url);
  });
  afterAll(async () => {
    expect(await system.end()).toBe(0);
  });

  test('a known face is named, an unknown one is not, and the result is there for later', async () => {
    for (const name of known) {
      const result = await recognised(post(waited(system.url), { file: `${name}.jpg`, bytes: photos[name] }));
      expect(result).toMatchObject({ label: `Name of ${name}`, threshold: 0.4, file: `${name}.jpg` });
      expect(result.faces[0]).toMatchObject({ person: name });
      expect(result.faces[0]?.margin).toBeGreaterThan(0.3);
      expect(await recognised(fetch(new URL(`results/${result.id}`, system.url)))).toEqual(result);
    }
    const stranger = await recognised(post(waited(system.url), { file: 'eve.jpg', bytes: photos.eve }));
    expect(stranger.label).toBe('unknown');
    expect(stranger.faces[0]?.person).toBeUndefined();
    expect(stranger.faces[0]?.similarity).toBeLessThan(0.4);
  });

  test('an immediate 202 leads to the result', async () => {
    const answer = await post(system.url, { file: 'ada.jpg', bytes: photos.ada });
    expect(answer.status).toBe(202);
    const { id, status, result } = (await answer.json()) as Record<string, string>;
    expect({ status, result }).toEqual({ status: 'queued', result: `/results/${id}` });
    expect(answer.headers.get('location')).toBe(`/results/${id}`);
    expect(await recognised(fetch(new URL(`${result}?wait=60`, system.url)))).toMatchObject({
      id,
      status: 'done',
    });
  });

  test('several faces in one photo', async () => {
    const bytes = await groupPhoto([cast.ada, cast.eve, cast.ben]);
    const { faces } = await recognised(post(waited(system.url), { file: 'group.jpg', bytes }));
    const fromLeft = faces.toSorted((a, b) => a.box[0] - b.box[0]).map(face => face.label);
    expect(fromLeft).toEqual(['Name of ada', 'unknown', 'Name of ben']);
  });

  test('a threshold of its own for one request', async () => {
    const strict = await recognised(
      post(waited(system.url, '&threshold=1'), { file: 'b.jpg', bytes: await smaller() }),
    );
    expect(strict).toMatchObject({ label: 'unknown', threshold: 1 });
    const lax = await recognised(
      post(waited(system.url, '&threshold=-1'), { file: 'e.jpg', bytes: photos.eve }),
    );
    expect(lax.label).toStartWith('Name of');
  });

  test('what is no photo ends in a stored failure that says why', async () => {
    const torn = photos.ada.subarray(0, photos.ada.length / 2);
    const result = await resultOf(post(waited(system.url), { file: 'torn.jpg', bytes: torn }));
    expect(result).toMatchObject({ status: 'failed', reason: 'corrupt-image' });
    const text = await post(waited(system.url), { file: 'a.jpg', bytes: Buffer.from('not a photo') });
    expect(text.status).toBe(415);
    expect(text.headers.get('content-type')).toContain('application/problem+json');
  });

  test('an enrolment that finds no single good face is refused with its reason', async () => {
    const put = (file: string, bytes: Uint8Array) => enrol(system.url, 'new', 'New', { file, bytes });
    const group = await put('group.jpg', await groupPhoto([cast.ada, cast.ben]));
    expect(group.status).toBe(422);
    expect(await group.json()).toMatchObject({ reason: 'several-faces' });
    expect((await fetch(new URL('people/new', system.url), { method: 'DELETE' })).status).toBe(204);
  });

  test('enrol, rename, delete: every worker knows at once, without restart', async () => {
    const ask = async () =>
      (await recognised(post(waited(system.url), { file: 'e.jpg', bytes: photos.eve }))).label;
    const enrolled = await enrol(system.url, 'eve', 'Eve', { file: 'e.jpg', bytes: photos.eve });
    const { face } = (await enrolled.json()) as { face: string };
    expect(await ask()).toBe('Eve');
    await fetch(new URL('people/eve', system.url), {
      method: 'PUT',
      body: '{"name":"Eva"}',
      headers: { 'content-type': 'application/json' },
    });
    expect(await ask()).toBe('Eva');
    expect((await fetch(new URL(`people/eve/faces/${face}`, system.url), { method: 'DELETE' })).status).toBe(
      204,
    );
    expect(await ask()).toBe('unknown');
    expect((await fetch(new URL('people/eve', system.url), { method: 'DELETE' })).status).toBe(204);
    const { people } = (await (await fetch(new URL('people', system.url))).json()) as {
      people: { id: string }[];
    };
    expect(people.map(({ id }) => id)).toEqual([...known]);
  });

  test('deleting a person whose photos are still on their way leaves nothing of them', async () => {
    const victims: Promise<string>[] = [];
    for (let i = 0; i < 12; i++) {
      const at = new URL(`people/victim-${i}`, system.url);
      await fetch(at, { method: 'PUT' });
      const enrolment = post(new URL(`victim-${i}/faces`, at), { file: 'v.jpg', bytes: photos.eve });
      victims.push(enrolment.then(async answer => ((await answer.json()) as { id: string }).id));
      await enrolment;
      await Bun.sleep(5 * i);
      expect((await fetch(at, { method: 'DELETE' })).status).toBe(204);
    }
    const ids = await Promise.all(victims);
    const stores = await Promise.all(
      ['input', 'gallery'].map(store => LocalBlobs.open(join(directory, store))),
    );
    const [input, gallery] = stores as [LocalBlobs, LocalBlobs];
    const clean = async () => {
      for (const id of ids) if ((await input.list(`${id}/`)).length > 0) return false;
      const segments = await Promise.all(
        (await gallery.list('segments/')).map(({ key }) => gallery.get(key)),
      );
      const text = segments.map(segment => new TextDecoder('latin1').decode(segment?.body)).join();
      return !/"type":"face","person":"victim/.test(text);
    };
    await until(clean, 'photos and embeddings are gone', 60_000);
    const { people } = (await (await fetch(new URL('people', system.url))).json()) as {
      people: { id: string }[];
    };
    expect(people.map(({ id }) => id)).toEqual([...known]);
    for (const store of stores) await store.close();
  }, 120_000);

  test('plan looks at the running fleet, tells what it would do and why, and does nothing', async () => {
    const before = system.output().split('"event":"decision"').length;
    const planned = async (...words: string[]) => {
      const plan = run('src/controller.ts', { FACEREC_DATA: directory }, ['plan', ...words]);
      await plan.child.exited;
      expect(await plan.end()).toBe(0);
      return plan.output();
    };
    const { rule, instances, desired, figures } = JSON.parse(await planned('--json'));
    expect(rule).toBe('law');
    expect(instances.length).toBeGreaterThanOrEqual(1);
    expect(desired).toBeGreaterThanOrEqual(1);
    for (const { reported, startedAt } of instances)
      expect({ reported, began: startedAt <= Date.now() }).toEqual({ reported: true, began: true });
    expect(figures.live).toBe(instances.length);
    expect(await planned()).toMatch(/^desired +\d+; \d+ live$/m);
    expect(system.output().split('"event":"decision"')).toHaveLength(before);
  });

  test('hostile messages end as dead letters and harm nobody', async () => {
    const file = join(directory, 'queue.sqlite');
    const requests = new LocalQueue({
      file,
      name: 'requests',
      visibilitySeconds: 30,
      maxReceives: 5,
      deadLetters: 'dead-letters',
    });
    const id = Bun.randomUUIDv7();
    const hostile = [
      '{',
      'null',
      '{"v":1}',
      '['.repeat(10_000),
      JSON.stringify({ v: 9, kind: 'x', id, file: 'a.jpg' }),
    ];
    for (const body of hostile) await requests.send(body);
    await until(
      async () => (await requests.depth()).dead === hostile.length,
      'all are dead letters',
      120_000,
    );
    await requests.close();
    // Whoever waits for the one that names a request gets an answer.
    await until(
      async () => (await fetch(new URL(`results/${id}`, system.url))).status === 200,
      'the failure is stored',
    );
    expect(await resultOf(fetch(new URL(`results/${id}`, system.url)))).toMatchObject({
      reason: 'unknown-request',
    });
    const after = await recognised(post(waited(system.url), { file: 'ada.jpg', bytes: photos.ada }));
    expect(after.label).toBe('Name of ada');
  }, 300_000);

  test('nothing of photos or names is in the log', () => {
    for (const secret of ['Name of ada', 'ada.jpg', 'portrait.jpg', 'Eve'])
      expect(system.output()).not.toContain(secret);
  });
});

/** Ben once more, not the same bytes or pixels. */
async function smaller(): Promise<Uint8Array> {
  return (await import('sharp')).default(photos.ben).resize(150).jpeg({ quality: 80 }).toBuffer();
}

test('a batch client: 100 uploads at once, fresh connections, plain text answers', async () => {
  const system = await startSystem(join(temporaryDirectory(), 'data'), { FACEREC_REPLY: 'result' });
  await enrolKnown(system.url);
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const name = known[i % known.length]!;
      const part = i % 2 ? { contentType: 'image/jpeg' } : {};
      const headers = { accept: '*/*' };
      const answer = await post(system.url, { file: `test_${i}.jpg`, bytes: photos[name], headers, ...part });
      return { status: answer.status, text: await answer.text(), expected: `test_${i}:Name of ${name}` };
    }),
  );
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  expect(answers.map(({ text }) => text.trim())).toEqual(answers.map(({ expected }) => expected));
  expect(answers[0]?.text.split(':')[1]?.trim()).toBe('Name of ada');
  const torn = await post(system.url, { file: 'torn.jpg', bytes: photos.ada.subarray(0, 5000) });
  expect(torn.status).toBe(422);
  expect(await system.end()).toBe(0);
});

test('stopped in the midst of work, the next start goes on where it was', async () => {
  const directory = join(temporaryDirectory(), 'data');
  const first = await startSystem(directory);
  await enrolKnown(first.url);
  const ids = await Promise.all(
    Array.from({ length: 60 }, async () => {
      const answer = await post(first.url, { file: 'ada.jpg', bytes: photos.ada });
      return ((await answer.json()) as { id: string }).id;
    }),
  );
  expect(await first.end()).toBe(0);
  const second = await startSystem(directory);
  for (const id of ids) {
    const result = await recognised(fetch(new URL(`results/${id}?wait=120`, second.url)));
    expect(result).toMatchObject({ id, label: 'Name of ada' });
  }
  expect(await second.end()).toBe(0);
});
