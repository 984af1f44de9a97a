import { afterEach, describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalFleet } from '../../../src/adapters/local/fleet.ts';
import { LocalHost } from '../../../src/adapters/local/host.ts';
import { SetupError } from '../../../src/runtime/setup.ts';
import { temporaryDirectory, until } from '../../support/temporary.ts';
import { startChild } from './child.ts';
import { recordingLog } from './recordingLog.ts';

const root = temporaryDirectory();
const command = [process.execPath, join(import.meta.dir, 'children', 'worker.ts')];
const fleets: LocalFleet[] = [];

afterEach(() => Promise.all(fleets.splice(0).map(fleet => fleet.close(0))));

function newFleet(
  env: Record<string, string> = {},
  options: { now?: () => number; command?: string[] } = {},
) {
  const log = recordingLog();
  const fleet = new LocalFleet({ command, env: { NOTES: root, ...env }, log, ...options });
  fleets.push(fleet);
  return { fleet, log, events: (event: string) => log.entries.filter(entry => entry.event === event) };
}

async function started(fleet: LocalFleet): Promise<{ id: string; pid: number; secret: string | null }> {
  const [instance] = await fleet.list();
  const note = await noteOf(instance!.id);
  return { id: instance!.id, ...note };
}

async function noteOf(id: string): Promise<{ pid: number; secret: string | null; home: string | null }> {
  const read = () => {
    try {
      return JSON.parse(readFileSync(join(root, id), 'utf8'));
    } catch {
      return undefined;
    }
  };
  await until(() => read() !== undefined, `worker ${id} to run`);
  return read();
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('LocalFleet', () => {
  test('starts workers with their own environment, in a process group of their own', async () => {
    const { fleet } = newFleet({ SECRET: 'given' });
    await fleet.launch([4]);
    const { id, pid } = await started(fleet);
    expect(id).toMatch(/^app-tier-instance-4-[0-9a-f]{8}$/);
    expect(await noteOf(id)).toMatchObject({ secret: 'given', home: null });
    // Field 5 of stat, the third after the name in brackets: the process group.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    expect(Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2])).toBe(pid);
  });

  test('the life line holds through garbage collection', async () => {
    const { fleet } = newFleet();
    await fleet.launch([0]);
    const { pid } = await started(fleet);
    for (let i = 0; i < 5; i++) {
      Bun.gc(true);
      await Bun.sleep(20);
    }
    expect(alive(pid)).toBe(true);
  });

  test('drains with SIGTERM, and lists the worker as draining until it is gone', async () => {
    const { fleet, events } = newFleet({ BEHAVIOUR: 'stubborn' });
    await fleet.launch([0]);
    const { id, pid } = await started(fleet);
    await fleet.drain([id]);
    expect((await fleet.list()).map(({ state }) => state)).toEqual(['draining']);
    await fleet.launch([0]);
    expect(await fleet.list()).toHaveLength(1);
    await fleet.terminate([id]);
    await until(async () => (await fleet.list()).length === 0, 'the worker to be gone');
    expect(alive(pid)).toBe(false);
    expect(events('worker-exited')).toMatchObject([{ level: 'warn', instance: id, signal: 'SIGKILL' }]);
    expect(events('worker-died-early')).toEqual([]);
  });

  test('logs a worker that goes well as information', async () => {
    const { fleet, events } = newFleet();
    await fleet.launch([1]);
    const { id } = await started(fleet);
    await fleet.drain([id]);
    await until(() => events('worker-exited').length > 0, 'the worker to be gone');
    expect(events('worker-exited')).toMatchObject([{ level: 'info', instance: id, slot: 1, code: 0 }]);
  });

  test('holds launches back while workers die at once: 1 s, 2 s, up to 30 s', async () => {
    let time = 1_000_000;
    const { fleet, events } = newFleet({ BEHAVIOUR: 'exit', CODE: '3' }, { now: () => time });
    const waits: unknown[] = [];
    for (let round = 1; round <= 7; round++) {
      await fleet.launch([0]);
      await until(() => events('worker-died-early').length === round, 'the worker to die');
      const { waitSeconds } = events('worker-died-early').at(-1)!;
      waits.push(waitSeconds);
      time += Number(waitSeconds) * 1_000 - 1;
      await fleet.launch([0]);
      expect(await fleet.list()).toEqual([]);
      time += 1;
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30]);
    expect(events('worker-started')).toHaveLength(7);
    expect(events('worker-exited')[0]).toMatchObject({ level: 'warn', code: 3, ageSeconds: 0 });
  });

  test('a worker that has lived for long may be replaced at once', async () => {
    let time = 0;
    const { fleet, events } = newFleet({}, { now: () => time });
    await fleet.launch([0]);
    const { pid } = await started(fleet);
    time += 5_000;
    process.kill(pid, 'SIGKILL');
    await until(() => events('worker-exited').length > 0, 'the worker to be gone');
    await fleet.launch([0]);
    expect(await fleet.list()).toHaveLength(1);
  });

  test('a command that does not exist rejects, and is held back too', async () => {
    const { fleet } = newFleet({}, { command: ['/nonexistent/worker'], now: () => 0 });
    await expect(fleet.launch([0, 1])).rejects.toThrow('cannot start a worker: /nonexistent/worker');
    await fleet.launch([0, 1]);
    expect(await fleet.list()).toEqual([]);
  });

  test('close ends all workers, the stubborn ones after the grace', async () => {
    const { fleet } = newFleet({ BEHAVIOUR: 'stubborn' });
    await fleet.launch([0, 1]);
    const notes = await Promise.all((await fleet.list()).map(({ id }) => noteOf(id)));
    await fleet.close(100);
    expect(notes.map(({ pid }) => alive(pid))).toEqual([false, false]);
    expect(await fleet.list()).toEqual([]);
    await expect(fleet.launch([0])).rejects.toThrow('the fleet is closed');
  });

  test('no worker outlives a controller that is killed', async () => {
    const notes = temporaryDirectory();
    const controller = startChild('controller.ts', notes);
    const pids = (): number[] =>
      readdirSync(notes).flatMap(name => {
        const note = readFileSync(join(notes, name), 'utf8');
        return note === '' ? [] : [JSON.parse(note).pid as number];
      });
    await until(() => pids().length === 2, 'two workers');
    expect(pids().every(alive)).toBe(true);
    await controller.kill();
    await until(() => !pids().some(alive), 'the workers to stop');
  });
});

test('workers are told to reload on their life line; one that does not read it harms nobody', async () => {
  const told = join(root, 'told');
  const script = `case $FACEREC_INSTANCE_ID in *-0-*) exec 0<&-; echo > ${told}.deaf; exec sleep 600;; *) read line; echo "$line" > ${told}; exec sleep 600;; esac`;
  const { fleet } = newFleet({ PATH: process.env.PATH ?? '' }, { command: ['sh', '-c', script] });
  await fleet.launch([0, 1]);
  await until(() => Bun.file(`${told}.deaf`).size > 0, 'the deaf one to run');
  fleet.reload();
  fleet.reload();
  await until(() => Bun.file(told).size > 0, 'the other to hear');
  expect(await Bun.file(told).text()).toBe('reload\n');
  expect(await fleet.list()).toHaveLength(2);
});

test('a local host asks for nothing, and stays on', async () => {
  const host = new LocalHost('app-tier-instance-0-abc');
  expect(host.id).toBe('app-tier-instance-0-abc');
  expect(await host.drainRequested()).toBeUndefined();
  await host.leave();
});

test('workers whose set-up is wrong end the fleet with a sentence, not in a loop of restarts', async () => {
  const log = recordingLog();
  const fleet = new LocalFleet({
    command: ['sh', '-c', 'exit 78'],
    env: { PATH: process.env.PATH ?? '' },
    log,
  });
  await fleet.launch([0]);
  const failure = async () =>
    fleet.list().then(
      () => undefined,
      (error: unknown) => error,
    );
  await until(async () => (await failure()) !== undefined, 'the worker has ended');
  expect(await failure()).toBeInstanceOf(SetupError);
  await fleet.close();
});
