import { afterAll, beforeEach, describe, expect, test } from 'bun:test';
import type { Fleet } from '../../src/ports.ts';
import { until } from '../support/temporary.ts';

export interface FleetHarness {
  /** A fleet whose workers run until they are told to go, and then go. */
  readonly fleet: Fleet;
  close(): Promise<void>;
}

export interface FleetContract {
  /** Called before each test: a fleet without instances. */
  make(): Promise<FleetHarness>;
}

/** What every `Fleet` has to do. */
export function fleetContract(name: string, { make }: FleetContract): void {
  describe(`${name} as a Fleet`, () => {
    const harnesses: FleetHarness[] = [];
    let fleet: Fleet;

    beforeEach(async () => {
      const harness = await make();
      harnesses.push(harness);
      fleet = harness.fleet;
    });
    afterAll(() => Promise.all(harnesses.map(each => each.close())));

    const slots = async () => (await fleet.list()).map(({ slot }) => slot).sort((a, b) => a - b);

    test('begins empty', async () => {
      expect(await fleet.list()).toEqual([]);
    });

    test('launches one instance a slot', async () => {
      const before = Date.now();
      await fleet.launch([0, 2, 5]);
      await until(async () => (await slots()).length === 3, 'three instances');
      expect(await slots()).toEqual([0, 2, 5]);
      const instances = await fleet.list();
      expect(new Set(instances.map(({ id }) => id)).size).toBe(3);
      for (const { id, slot, state, launchedAt } of instances) {
        expect(id).toMatch(new RegExp(`^(app-tier-instance-${slot}-[0-9a-f]{8}|i-[0-9a-f]+)$`));
        expect(['pending', 'running']).toContain(state);
        expect(Math.abs(launchedAt - before)).toBeLessThan(60_000);
      }
    });

    test('leaves a slot alone that is held', async () => {
      await fleet.launch([0, 1]);
      await until(async () => (await slots()).length === 2, 'two instances');
      const first = await fleet.list();
      await fleet.launch([0, 1, 2]);
      await until(async () => (await slots()).length === 3, 'three instances');
      expect(await slots()).toEqual([0, 1, 2]);
      const ids = (await fleet.list()).map(({ id }) => id);
      for (const { id } of first) expect(ids).toContain(id);
    });

    test('has no closed slots on an ordinary day, whoever holds them', async () => {
      await fleet.launch([0]);
      expect(fleet.closedSlots(5)).toEqual([]);
    });

    test('launches nothing for no slots', async () => {
      await fleet.launch([]);
      expect(await fleet.list()).toEqual([]);
    });

    test('a drained instance goes, and its slot can be filled again', async () => {
      await fleet.launch([0, 1]);
      await until(async () => (await slots()).length === 2, 'two instances');
      const [drained, kept] = [...(await fleet.list())].sort((a, b) => a.slot - b.slot);
      await fleet.drain([drained!.id]);
      const listed = (await fleet.list()).find(({ id }) => id === drained!.id);
      expect(['draining', undefined]).toContain(listed?.state);
      await until(async () => (await slots()).length === 1, 'the drained instance to be gone');
      expect((await fleet.list()).map(({ id }) => id)).toEqual([kept!.id]);
      await fleet.launch([0]);
      await until(async () => (await slots()).length === 2, 'the slot to be filled again');
      expect((await fleet.list()).map(({ id }) => id)).not.toContain(drained!.id);
    });

    test('a terminated instance goes', async () => {
      await fleet.launch([3]);
      await until(async () => (await slots()).length === 1, 'one instance');
      await fleet.terminate((await fleet.list()).map(({ id }) => id));
      await until(async () => (await slots()).length === 0, 'the instance to be gone');
    });

    test('instances that are gone are no error', async () => {
      await fleet.drain(['app-tier-instance-7-00000000']);
      await fleet.terminate(['app-tier-instance-7-00000000']);
      expect(await fleet.list()).toEqual([]);
    });
  });
}
