import { beforeAll, describe, expect, test } from 'bun:test';
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { programs } from '../../src/variables.ts';
import { cast } from '../support/cast.ts';
import { portraits } from '../support/photos.ts';
import { type Running, start } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { BUILDING, executables } from './build.ts';
import { outcome } from './jail.ts';

const EM_AARCH64 = 183;
const path = (program: string) => join(executables('arm64'), `facerec-${program}`);

beforeAll(() => void executables('arm64'), BUILDING);

test.each(programs)('facerec-%s is a 64-bit ARM program', program => {
  const head = Buffer.alloc(64);
  const fd = openSync(path(program), 'r');
  readSync(fd, head);
  closeSync(fd);
  expect(head.toString('latin1', 0, 4)).toBe('\x7fELF');
  expect({ class: head[4], machine: head.readUInt16LE(18) }).toEqual({ class: 2, machine: EM_AARCH64 });
});

/** Debian's: qemu-user-static, libc6-arm64-cross, libstdc++6-arm64-cross. */
const emulator = Bun.which('qemu-aarch64-static') ?? Bun.which('qemu-aarch64');
const libraries = '/usr/aarch64-linux-gnu';
const missing =
  process.arch !== 'arm64' && (!emulator || Bun.spawnSync(['test', '-d', `${libraries}/lib`]).exitCode !== 0);
if (missing)
  console.log(
    'arm64 executables: not run, for want of qemu-aarch64 and the libraries in /usr/aarch64-linux-gnu',
  );

describe.skipIf(missing)('on an ARM processor, or its emulation', () => {
  const run = (program: string, words: string[], env: Record<string, string>): Running =>
    start([...(process.arch === 'arm64' ? [] : [emulator!, '-L', libraries]), path(program), ...words], env);

  test.each(programs)('facerec-%s tells its version', async program => {
    expect(await outcome(run(program, ['--version'], {}))).toEqual({
      code: 0,
      output: expect.stringContaining(`facerec-${program} `),
    });
  });

  test('web serves', async () => {
    const web = run('web', [], { FACEREC_DATA: join(temporaryDirectory(), 'data'), FACEREC_PORT: '0' });
    const [, url] = await web.said(/facerec-web listens on (\S+)/);
    expect((await fetch(new URL('healthz', url))).status).toBe(200);
    expect(await web.end()).toBe(0);
  });

  // ONNX Runtime crashes under emulation, compiled in or not: it asks the processor what it can do.
  test.skipIf(process.arch !== 'arm64')('the worker recognises', async () => {
    const env = { HOME: temporaryDirectory(), FACEREC_DATA: '/nowhere' };
    const { code, output } = await outcome(run('worker', ['recognise', portraits[cast.ada]], env));
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('"status":"done"') });
  });
});
