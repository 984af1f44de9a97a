import { describe, expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programs, variableNames } from '../../src/variables.ts';
import { run } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';

async function outcome(script: string, words: string[], settings: Record<string, string> = {}) {
  const FACEREC_DATA = join(temporaryDirectory(), 'data');
  const running = run(script, { FACEREC_DATA, ...settings }, words);
  await running.child.exited;
  const code = await running.end();
  return { code, output: running.output() };
}

describe.each(programs)('facerec-%s', program => {
  const script = `src/${program}.ts`;

  test('--help tells commands, variables with their defaults, and exit codes', async () => {
    const { code, output } = await outcome(script, ['--help']);
    expect(code).toBe(0);
    for (const word of [`facerec-${program} --version`, 'FACEREC_DATA', '[data]', 'Exit codes:', '78'])
      expect(output).toContain(word);
  });

  test('--version', async () => {
    expect(await outcome(script, ['--version'])).toEqual({
      code: 0,
      output: expect.stringMatching(new RegExp(`^facerec-${program} \\d+\\.\\d+\\.\\d+\n$`)),
    });
  });

  test('wrong usage is exit code 64 with a hint', async () => {
    expect(await outcome(script, ['--hlep'])).toEqual({
      code: 64,
      output: expect.stringContaining('--help'),
    });
  });

  test('wrong configuration is exit code 78, every problem by name', async () => {
    const settings = { FACEREC_PORT: 'x', FACEREC_BACKEND: 'cloud', FACEREC_TRHESHOLD: '1' };
    const { code, output } = await outcome(script, [], settings);
    expect(code).toBe(78);
    for (const word of [
      '3 configuration problems',
      'FACEREC_PORT',
      'FACEREC_BACKEND',
      'mean FACEREC_THRESHOLD',
    ])
      expect(output).toContain(word);
  });
});

test('the whole service refuses a wrong configuration before it starts anything', async () => {
  const { code, output } = await outcome('build/start.ts', [], {
    FACEREC_MIN_INSTANCES: '9',
    FACEREC_MAX_INSTANCES: '2',
  });
  expect(code).toBe(78);
  expect(output).toContain('FACEREC_MIN_INSTANCES: 9 is more than FACEREC_MAX_INSTANCES, which is 2');
  expect(output).not.toContain('"event"');
});

test('every variable is in the help of a program', async () => {
  const texts = await Promise.all(programs.map(program => outcome(`src/${program}.ts`, ['--help'])));
  const help = texts.map(({ output }) => output).join('\n');
  expect(variableNames.filter(name => !help.includes(name))).toEqual([]);
});

describe('a set-up that cannot work ends with a sentence and exit code 78', () => {
  const refused = async (script: string, settings: Record<string, string>, ...words: string[]) => {
    const { code, output } = await outcome(script, [], settings);
    for (const word of words) expect(output).toContain(word);
    expect(output).not.toMatch(/^ +at /m);
    expect(code).toBe(78);
  };

  test('a port that is taken', async () => {
    const other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() });
    await refused('src/web.ts', { FACEREC_PORT: String(other.port) }, 'FACEREC_PORT', 'is in use');
    await other.stop(true);
  });

  test('an address that is not ours', async () => {
    await refused(
      'src/web.ts',
      { FACEREC_PORT: '0', FACEREC_HOST: '192.0.2.1' },
      'FACEREC_HOST',
      '192.0.2.1',
    );
  });

  test('a data directory that is a file, or holds a queue of somebody else', async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'file');
    await writeFile(file, 'x');
    await refused('src/worker.ts', { FACEREC_DATA: file }, 'FACEREC_DATA', file);
    await writeFile(join(directory, 'queue.sqlite'), 'this is no database '.repeat(100));
    await refused('src/controller.ts', { FACEREC_DATA: directory }, 'FACEREC_DATA', directory);
  });

  test('models that are not there end the whole service, which would take photos in vain', async () => {
    const settings = { FACEREC_MODELS: '/nonexistent/models', FACEREC_PORT: '0' };
    await refused(
      'build/start.ts',
      settings,
      'FACEREC_MODELS',
      '/nonexistent/models',
      'workers cannot start',
    );
  });
});

test('of two controllers on one directory one acts; the other takes over when it is killed', async () => {
  const settings = { FACEREC_DATA: join(temporaryDirectory(), 'data'), FACEREC_MAX_INSTANCES: '1' };
  const first = run('src/controller.ts', settings);
  await first.said(/"event":"worker-started"/);
  const second = run('src/controller.ts', settings);
  await second.said(/"event":"standing-by"/);
  expect(second.output()).not.toContain('worker-started');
  expect(await first.end('SIGKILL')).toBeNull();
  await second.said(/"event":"acting"/);
  await second.said(/"event":"worker-started"/);
  expect(await second.end()).toBe(0);
});
