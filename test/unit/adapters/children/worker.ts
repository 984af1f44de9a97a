/**
 * A worker for the fleet's tests. Says what it was started with in a file named after its instance, then does what
 * the environment asks for: `exit` at once with CODE, be `stubborn` about SIGTERM, or run until told to go.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const { FACEREC_INSTANCE_ID = '', FACEREC_LIFELINE, NOTES, BEHAVIOUR, CODE, SECRET } = process.env;

process.on('SIGTERM', () => {
  if (BEHAVIOUR !== 'stubborn') process.exit(0);
});
if (FACEREC_LIFELINE === 'stdin') process.stdin.on('end', () => process.exit(0)).resume();
if (NOTES !== undefined) {
  const note = { pid: process.pid, secret: SECRET ?? null, home: process.env.HOME ?? null };
  writeFileSync(join(NOTES, FACEREC_INSTANCE_ID), JSON.stringify(note), { flush: true });
}
if (BEHAVIOUR === 'exit') process.exit(Number(CODE ?? 1));
setInterval(() => {}, 60_000);
