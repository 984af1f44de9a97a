import { afterEach, expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Running, run } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const DEADLINE_MS = 300_000;

const running: Running[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) if (one.child.exitCode === null) await one.end('SIGKILL');
});

async function started(script: string, text: string, settings: Readonly<Record<string, string>> = {}) {
  const directory = temporaryDirectory();
  const file = join(directory, 'facerec.env');
  const write = (lines: string) => writeFile(file, lines);
  await write(text);
  const FACEREC_DATA = join(directory, 'data');
  const program = run(script, { FACEREC_CONFIG: file, FACEREC_DATA, ...settings });
  running.push(program);
  return { program, write, file };
}

test(
  'SIGHUP takes over what can be, and names what needs a restart',
  async () => {
    const { program, write } = await started(
      'src/controller.ts',
      'FACEREC_MIN_INSTANCES=0\nFACEREC_MAX_INSTANCES=1\nFACEREC_LOG_LEVEL=info\n',
    );
    await program.said(/"event":"ready","min":0,"max":1/);
    await write(`# one worker more
FACEREC_MIN_INSTANCES="1"
FACEREC_MAX_INSTANCES=1
FACEREC_VISIBILITY_SECONDS=7
FACEREC_DATA=/elsewhere
FACEREC_PORT=9
`);
    program.child.kill('SIGHUP');
    await program.said(/"event":"reloaded","variables":\["FACEREC_MIN_INSTANCES"\]/);
    await program.said(/"event":"needs-restart","variables":\["FACEREC_VISIBILITY_SECONDS"\]/);
    await program.said(/"event":"overridden-by-environment","variables":\["FACEREC_DATA"\]/);
    await program.said(/"event":"worker-started"/);
    await program.said(/"program":"worker".*"event":"ready"/);

    // Its workers are told as well, by a way that they cannot miss.
    await write('FACEREC_MIN_INSTANCES=1\nFACEREC_MAX_INSTANCES=1\nFACEREC_THRESHOLD=0.7\n');
    program.child.kill('SIGHUP');
    await program.said(/"program":"worker".*"event":"reloaded","variables":\["FACEREC_THRESHOLD"\]/);
    expect(await program.end()).toBe(0);
  },
  DEADLINE_MS,
);

test(
  'a file with problems is refused as a whole, by name, and the old settings stay',
  async () => {
    const { program, write, file } = await started('src/web.ts', 'FACEREC_PORT=0\nFACEREC_LOG_LEVEL=info\n');
    const [, url] = await program.said(/listens on (\S+)/);
    await write('FACEREC_PORT=0\nFACEREC_LOG_LEVEL=debug\nFACEREC_RESULT_DAYS=many\nFACEREC_TRESHOLD=1\n');
    program.child.kill('SIGHUP');
    const [refusal] = await program.said(/"event":"reload-refused".*/);
    for (const word of ['FACEREC_RESULT_DAYS: expected a whole number', 'did you mean FACEREC_THRESHOLD?'])
      expect(refusal).toContain(word);
    await fetch(new URL('healthz', url));
    expect(program.output()).not.toContain('"level":"debug"');

    await write('FACEREC_PORT 0\n');
    program.child.kill('SIGHUP');
    await program.said(new RegExp(`FACEREC_CONFIG: ${file}, line 1: expected NAME=value`));

    await write('FACEREC_PORT=0\nFACEREC_LOG_LEVEL=debug\n');
    program.child.kill('SIGHUP');
    await program.said(/"event":"reloaded","variables":\["FACEREC_LOG_LEVEL"\]/);
    await fetch(new URL('healthz', url));
    await program.said(/"level":"debug"/);
    expect(await program.end()).toBe(0);
  },
  DEADLINE_MS,
);

test('a file that is not there, or has problems, is exit code 78', async () => {
  const missing = run('src/web.ts', { FACEREC_CONFIG: '/nonexistent/facerec.env' });
  running.push(missing);
  await missing.child.exited;
  expect(await missing.end()).toBe(78);
  expect(missing.output()).toMatch(/FACEREC_CONFIG: .*ENOENT/);
  const { program } = await started('src/worker.ts', 'FACEREC_POLL_SECONDS=x\nFACEREC_POLL_SECOND=3\n');
  await program.child.exited;
  expect(await program.end()).toBe(78);
  expect(program.output()).toContain('2 configuration problems');
});

test('the whole service reads the file, too', async () => {
  const { program } = await started('build/start.ts', 'FACEREC_MIN_INSTANCES=9\nFACEREC_MAX_INSTANCES=2\n');
  await program.child.exited;
  expect(await program.end()).toBe(78);
  expect(program.output()).toContain('FACEREC_MIN_INSTANCES: 9 is more than');
});
