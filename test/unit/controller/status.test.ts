import { expect, test } from 'bun:test';
import { FleetStatusWriter, type Round } from '../../../src/controller/status.ts';
import { fleetStatusKey, parseFleetStatus } from '../../../src/core/fleetStatus.ts';
import { MemoryBlobs } from '../web/support.ts';

const T = Date.parse('2026-05-01T12:00:00Z');
const bounds = { min: 0, max: 4 };
const instance = { id: 'i-1', slot: 0, state: 'running', launchedAt: T, reported: true } as const;

function round(reasons: readonly string[], idleSince: number | null = null, silentMs = 0): Round {
  return {
    snapshot: {
      depth: { visible: 0, inFlight: 0, delayed: 0, dead: 0 },
      instances: [{ ...instance, idleSince, silentMs, startedAt: null, processed: 0, busyMs: 0 }],
      closedSlots: [],
      unheard: [],
    },
    decision: { desired: 1, launch: reasons.length > 0 ? [1] : [], drain: [], terminate: [], reasons },
  };
}

function rig() {
  const output = new MemoryBlobs();
  let [ms, puts] = [0, 0];
  const put = output.put.bind(output);
  output.put = (...words) => {
    puts++;
    return put(...words);
  };
  const writer = new FleetStatusWriter({ output, fleetName: 'f', monotonic: () => ms });
  return {
    writer,
    output,
    /** A second passes. */
    async second(what: Round) {
      ms += 1_000;
      writer.note(what, bounds, T + ms + 0.4);
      await writer.write();
    },
    puts: () => puts,
    async stored() {
      return parseFleetStatus((await output.get(fleetStatusKey('f')))?.body ?? new Uint8Array());
    },
  };
}

test('nothing is written before there was a round', async () => {
  const { writer, output } = rig();
  await writer.write();
  expect(output.objects.size).toBe(0);
});

test('shows the fleet, and the decisions that did something, the latest first', async () => {
  const { second, stored } = rig();
  await second(round(['launch 1: because']));
  for (let i = 0; i < 9; i++) await second(round(i === 3 ? ['launch 1: more'] : [], T + 5));
  expect(await stored()).toEqual({
    ...{ v: 1, at: T + 6_000, desired: 1, min: 0, max: 4 },
    instances: [{ ...instance, silent: false, idle: true }],
    decisions: [
      { at: T + 5_000, launch: 1, drain: 0, terminate: 0, reasons: ['launch 1: more'] },
      { at: T + 1_000, launch: 1, drain: 0, terminate: 0, reasons: ['launch 1: because'] },
    ],
  });
});

test('what comes again each second is one decision', async () => {
  const { second, stored } = rig();
  for (let i = 0; i < 7; i++) await second(round([`launch 1: because of ${i}`]));
  expect((await stored())?.decisions).toHaveLength(1);
});

test('is written at most every 5 seconds while it changes, once a minute while it does not', async () => {
  const changing = rig();
  for (let i = 0; i < 60; i++) await changing.second(round([], i % 2 === 0 ? T : null));
  expect(changing.puts()).toBe(12);
  const idle = rig();
  // How long it has been idle changes; that it is idle does not.
  for (let i = 0; i < 600; i++) await idle.second(round([], T - i));
  expect(idle.puts()).toBe(10);
});

test('what could not be written is written later', async () => {
  const { second, output, stored } = rig();
  output.fail = new Error('away');
  await expect(second(round([]))).rejects.toThrow('away');
  output.fail = undefined;
  for (let i = 0; i < 5; i++) await second(round([]));
  expect((await stored())?.desired).toBe(1);
});

test('a worker that has not been heard of for a minute is silent', async () => {
  const { second, stored } = rig();
  await second(round([], null, 61_000));
  expect((await stored())?.instances[0]?.silent).toBe(true);
});
