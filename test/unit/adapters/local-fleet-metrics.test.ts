import { afterAll, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalFleet } from '../../../src/adapters/local/fleet.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { temporaryDirectory, until } from '../../support/temporary.ts';

const fleets: LocalFleet[] = [];
afterAll(() => Promise.all(fleets.map(fleet => fleet.close())));

/** What workers in slots 0 and 2 are told. */
async function told(metricsPort: number | undefined): Promise<string[]> {
  const directory = temporaryDirectory();
  const script = 'echo "[$FACEREC_METRICS_PORT]" > "$DIRECTORY/$FACEREC_INSTANCE_ID"; exec cat';
  const env = { PATH: process.env.PATH ?? '', DIRECTORY: directory, FACEREC_METRICS_PORT: 'own' };
  const fleet = new LocalFleet({ command: ['sh', '-c', script], env, log: silentLog, metricsPort });
  fleets.push(fleet);
  await fleet.launch([0, 2]);
  const files = (await fleet.list()).toSorted((a, b) => a.slot - b.slot).map(({ id }) => join(directory, id));
  const read = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').trim() : '');
  await until(() => files.every(file => read(file) !== ''), 'both have written');
  return files.map(read);
}

test('workers on one machine serve their figures on ports of their own', async () => {
  expect(await told(9464)).toEqual(['[9465]', '[9467]']);
  expect(await told(0)).toEqual(['[0]', '[0]']);
  expect(await told(undefined)).toEqual(['[own]', '[own]']);
});
