import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../src/adapters/local/blobs.ts';
import { LocalQueue } from '../../src/adapters/local/queue.ts';
import { programs } from '../../src/variables.ts';
import { known as people, photoOf } from '../support/cast.ts';
import { enrol, post } from '../support/client.ts';
import { freePort, type System, startSystem } from '../support/system.ts';
import { temporaryDirectory, until } from '../support/temporary.ts';

const KILLS = 36;
const PHOTOS = 400;

/** Processes that have said that they are ready, and have not been killed yet. */
function living(system: System, killed: ReadonlySet<number>): { program: string; pid: number }[] {
  const ready = system.output().matchAll(/"program":"(\w+)","pid":(\d+),"event":"ready"/g);
  return [...ready]
    .map(([, program, pid]) => ({ program: program!, pid: Number(pid) }))
    .filter(({ pid }) => !killed.has(pid) && exists(pid));
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** False when it has gone by itself before. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

test(`${KILLS} random kill -9 under load: every acknowledged photo is answered once, rightly`, async () => {
  const directory = join(temporaryDirectory(), 'data');
  const system = await startSystem(directory, {
    FACEREC_PORT: String(freePort()),
    FACEREC_VISIBILITY_SECONDS: '2',
    // Every kill counts as a receipt; this test is about loss, dead letters have their own.
    FACEREC_MAX_RECEIVES: '1000',
    FACEREC_MIN_INSTANCES: '2',
    FACEREC_MAX_INSTANCES: '2',
  });
  const bytes = await Promise.all(people.map(photoOf));
  for (const [i, person] of people.entries()) {
    const answer = await enrol(system.url, person, person, { file: 'a.jpg', bytes: bytes[i]! });
    expect(answer.status).toBe(201);
  }

  const acknowledged = new Map<string, string>();
  const killed = new Set<number>();
  let refused = 0;
  // The load lasts as long as the killing: every second upload waits for its answer, the others pile up.
  const client = async (first: number) => {
    for (let n = first; killed.size < KILLS || acknowledged.size < PHOTOS; n++) {
      const i = n % people.length;
      const url = new URL(n % 2 ? '?wait=2' : '/', system.url);
      const answer = await post(url, { file: `${people[i]}.jpg`, bytes: bytes[i]! }).catch(() => undefined);
      if (answer?.status === 202 || answer?.status === 200)
        acknowledged.set(((await answer.json()) as { id: string }).id, people[i]!);
      else {
        refused++;
        await Bun.sleep(50);
      }
    }
  };
  const clients = Promise.all(Array.from({ length: 8 }, (_, first) => client(first)));

  const kills: Record<string, number> = {};
  while (killed.size < KILLS) {
    // One kind after the other, so that none is spared by chance; which of its processes, and when, is random.
    const program = programs[killed.size % programs.length]!;
    await Bun.sleep(Math.random() * 400);
    let pid = 0;
    const killOne = () => {
      const candidates = living(system, killed).filter(p => p.program === program);
      pid = candidates[Math.floor(Math.random() * candidates.length)]?.pid ?? 0;
      return pid !== 0 && kill(pid);
    };
    await until(killOne, `a ${program} to kill`, 60_000);
    killed.add(pid);
    kills[program] = (kills[program] ?? 0) + 1;
  }
  await clients;
  expect(acknowledged.size).toBeGreaterThanOrEqual(PHOTOS);

  const requests = new LocalQueue({
    file: join(directory, 'queue.sqlite'),
    name: 'requests',
    visibilitySeconds: 2,
  });
  await until(
    async () => {
      const { visible, inFlight } = await requests.depth();
      return visible + inFlight === 0;
    },
    'the queue is empty',
    300_000,
  );
  const dead = new LocalQueue({
    file: join(directory, 'queue.sqlite'),
    name: 'dead-letters',
    visibilitySeconds: 2,
  });
  expect(await dead.depth()).toMatchObject({ visible: 0, inFlight: 0 });
  await requests.close();
  await dead.close();

  const output = await LocalBlobs.open(join(directory, 'output'));
  const results = (await output.list('')).map(({ key }) => key).filter(key => !key.startsWith('fleet/'));
  let right = 0;
  for (const [id, name] of acknowledged) {
    expect(results.filter(key => key.startsWith(id))).toEqual([`${id}/${name}.json`]);
    const stored = await output.get(`${id}/${name}.json`);
    const { status, label } = JSON.parse(new TextDecoder().decode(stored?.body));
    expect({ id, status, label }).toEqual({ id, status: 'done', label: name });
    right++;
  }
  expect(await system.end()).toBe(0);
  expect(programs.flatMap(() => living(system, killed))).toEqual([]);
  console.log(
    `kill test: ${killed.size} kills (${JSON.stringify(kills)}), ${acknowledged.size} acknowledged, ` +
      `${right} answered rightly, once each, ${refused} refused or cut off and sent again`,
  );
}, 600_000);
