/** Launches two workers of the fleet and then only waits to be killed. */
import { join } from 'node:path';
import { LocalFleet } from '../../../../src/adapters/local/fleet.ts';
import { recordingLog } from '../recordingLog.ts';

const fleet = new LocalFleet({
  command: [process.execPath, join(import.meta.dir, 'worker.ts')],
  env: { NOTES: process.argv[2] ?? '' },
  log: recordingLog(),
});
await fleet.launch([0, 1]);
setInterval(() => {}, 60_000);
