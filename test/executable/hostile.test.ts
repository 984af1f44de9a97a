import { beforeAll, describe, expect, test } from 'bun:test';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { programs } from '../../src/variables.ts';
import { cast, photoOf } from '../support/cast.ts';
import { portraits } from '../support/photos.ts';
import { start } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { BUILDING, executable, executables, root } from './build.ts';
import { Jail, NO_JAIL, needs, outcome } from './jail.ts';

beforeAll(() => void executables(), BUILDING);

const photo = portraits[cast.ada];
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const TRACE = 'this code must not run';

/** A directory full of what Bun, Node and the packages would take from it. */
function trap(): string {
  const directory = temporaryDirectory();
  const plant = (path: string, content: string) => {
    mkdirSync(join(directory, path, '..'), { recursive: true });
    writeFileSync(join(directory, path), content);
  };
  const evil = `require('node:fs').writeFileSync(${JSON.stringify(join(directory, 'trace'))}, ''); console.log(${JSON.stringify(TRACE)});`;
  plant('evil.js', evil);
  plant('bunfig.toml', 'preload = ["./evil.js"]\n[run]\nsilent = true\n');
  for (const name of ['.env', '.env.local', '.env.production'])
    plant(name, 'FACEREC_PORT=none\nFACEREC_LOG_LEVEL=none\n');
  plant('package.json', '{"name": "evil", "type": "commonjs", "main": "evil.js"}');
  plant('tsconfig.json', '{"compilerOptions": {"paths": {"*": ["./evil.js"]}}}');
  const packages = ['sharp', 'onnxruntime-node', 'onnxruntime-common', 'detect-libc', '@img/colour'];
  const native = ['@img/sharp-linux-x64', '@img/sharp-libvips-linux-x64', '@img/sharp-wasm32'];
  for (const name of [...packages, ...native]) {
    const exports = {
      '.': './index.js',
      './sharp.node': './index.js',
      './versions': './index.js',
      './package': './index.js',
    };
    plant(
      `node_modules/${name}/package.json`,
      JSON.stringify({ name, version: '0.0.1', main: 'index.js', exports }),
    );
    plant(`node_modules/${name}/index.js`, evil);
  }
  plant('bin/ldd', '#!/bin/sh\ntouch trace\n');
  plant('bin/getconf', '#!/bin/sh\ntouch trace\n');
  for (const name of readdirSync(join(directory, 'bin'))) chmodSync(join(directory, 'bin', name), 0o755);
  return directory;
}

async function inTrap(program: string, words: readonly string[], env: Record<string, string> = {}) {
  const directory = trap();
  const settings = {
    PATH: join(directory, 'bin'),
    HOME: temporaryDirectory(),
    FACEREC_DATA: '/nowhere',
    ...env,
  };
  const result = await outcome(start([program, ...words], settings, directory));
  expect(result.output).not.toContain(TRACE);
  expect(readdirSync(directory)).not.toContain('trace');
  return result;
}

describe('a working directory full of traps', () => {
  test.each(programs)('changes nothing for facerec-%s', async program => {
    const { code, output } = await inTrap(executable(program), ['--version']);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(`facerec-${program} `) });
  });

  test('changes nothing for a worker that recognises', async () => {
    const { code, output } = await inTrap(executable('worker'), ['recognise', photo]);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('"status":"done"') });
  });

  test('plain Bun falls into them', async () => {
    const directory = trap();
    const { output } = await outcome(start([process.execPath, '-e', '0'], {}, directory));
    expect(output).toContain(TRACE);
  });
});

describe('variables of the run time', () => {
  // Each ends in a refusal, or does nothing.
  test.each([
    ['BUN_OPTIONS', '--preload ./evil.js'],
    ['BUN_OPTIONS', '--require ./evil.js --eval 1'],
    ['BUN_OPTIONS', '--config=./bunfig.toml'],
    ['BUN_INSPECT_PRELOAD', './evil.js'],
    ['NODE_OPTIONS', '--require ./evil.js'],
    ['NODE_PATH', './node_modules'],
  ])('%s=%s runs no code', async (name, value) => {
    await inTrap(executable('worker'), ['recognise', photo], { [name]: value });
  });

  test('BUN_INSPECT opens no port', async () => {
    const { code, output } = await inTrap(executable('web'), [], {
      BUN_INSPECT: '127.0.0.1:0/x',
      FACEREC_PORT: '0',
    });
    expect(code).not.toBe(0);
    expect(output).toContain('BUN_INSPECT cannot be used');
  });

  test('BUN_BE_BUN makes any of them plain Bun, as the README tells', async () => {
    const asked = start([executable('web'), '--version'], { BUN_BE_BUN: '1' });
    expect(await outcome(asked)).toEqual({ code: 0, output: `${Bun.version}\n` });
    expect(readme.includes('`BUN_BE_BUN`')).toBe(true);
  });
});

test('strip makes it plain Bun, as the README tells', async () => {
  const strip = needs('strip', 'binutils');
  const stripped = join(temporaryDirectory(), 'facerec-web');
  copyFileSync(executable('web'), stripped);
  expect(Bun.spawnSync([strip, stripped]).exitCode).toBe(0);
  const { output } = await outcome(start([stripped, '--version'], {}));
  expect(output).toBe(`${Bun.version}\n`);
  expect(readme.includes('`strip`')).toBe(true);
});

describe.skipIf(NO_JAIL !== undefined)('telemetry of ONNX Runtime', () => {
  /** The system calls of a worker that recognises one photo where no network is: names of files opened to be written, and lookups. */
  async function traced(env: Record<string, string>) {
    const strace = needs('strace');
    const jail = new Jail();
    const log = join(temporaryDirectory(), 'strace');
    const HOME = jail.directory('home');
    await jail.file('etc/resolv.conf', 'nameserver 192.0.2.1\n');
    const ada = await jail.file('ada.jpg', await photoOf('ada'));
    const tracer = [
      strace,
      '--follow-forks',
      '--quiet=all',
      '--trace=openat,socket,connect,sendto,sendmmsg',
      `--output=${log}`,
    ];
    const running = jail.run(
      'facerec-worker',
      ['recognise', ada],
      { HOME, FACEREC_DATA: '/data', ...env },
      { noNetwork: true, tracer },
    );
    expect(await outcome(running)).toEqual({ code: 0, output: expect.stringContaining('"status":"done"') });
    const calls = readFileSync(log, 'utf8').split('\n');
    const written = calls
      .filter(call => /O_(WRONLY|RDWR|CREAT)/.test(call) && !/ENOENT|EROFS|EACCES/.test(call))
      .map(call => /"([^"]*)"/.exec(call)?.[1] ?? call)
      .filter(
        path =>
          !path.startsWith(`${HOME}/.cache/facerec/`) &&
          !path.startsWith('/dev/') &&
          !path.startsWith('/proc/'),
      );
    return { written, sockets: calls.filter(call => /AF_INET|resolv\.conf/.test(call)) };
  }

  test('is off: no file is written, no name is looked up', async () => {
    expect(await traced({})).toEqual({ written: [], sockets: [] });
  });

  test('would be seen if it were on', async () => {
    const { written, sockets } = await traced({ ORT_DISABLE_TELEMETRY: '0' });
    expect(written.length + sockets.length).toBeGreaterThan(0);
  });
});

describe('where no memory may become executable, as with MemoryDenyWriteExecute=', () => {
  /** Runs a command after a call of prctl that its children inherit; exit code 99 where the kernel has no such call. */
  const denied = (command: readonly string[]) => {
    const script = `
      const { dlopen } = require('bun:ffi');
      const { prctl } = dlopen('libc.so.6', { prctl: { args: ['i32', 'u64', 'u64', 'u64', 'u64'], returns: 'i32' } }).symbols;
      const [PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN] = [65, 1];
      if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) !== 0) process.exit(99);
      const { exitCode } = Bun.spawnSync(${JSON.stringify(command)}, { stdio: ['ignore', 'inherit', 'inherit'] });
      process.exit(exitCode);`;
    const env = { FACEREC_DATA: '/nowhere', HOME: temporaryDirectory() };
    return outcome(start([process.execPath, '-e', script], env));
  };

  test('web runs, the worker says what it lacks, the README warns', async () => {
    const { code, output } = await denied([executable('web'), '--version']);
    if (code === 99) return console.log('skipped: this kernel (before Linux 6.3) has no PR_SET_MDWE');
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('facerec-web ') });
    const worker = await denied([executable('worker'), 'recognise', photo]);
    expect(worker).toEqual({ code: 70, output: expect.stringContaining('requires the JIT') });
    expect(readme.includes('`MemoryDenyWriteExecute=`')).toBe(true);
  });
});
