import { describe, expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT_CODES } from '../../src/runtime/help.ts';
import { described } from '../../src/simulate/options.ts';
import { policyNames } from '../../src/simulate/policies.ts';
import { programs, type Variable, variableNames, variables } from '../../src/variables.ts';
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

  test('--help is the whole reference: commands, options, variables with their defaults, signals, exit codes', async () => {
    const { code, output } = await outcome(script, ['--help']);
    expect(code).toBe(0);
    for (const title of ['Commands:', 'Options:', 'Environment:', 'Signals:', 'Exit codes:'])
      expect(output).toContain(`\n${title}\n`);
    const flat = output.replaceAll(/\s+/g, ' ');
    for (const name of variableNames) {
      const { about, default: fallback, unit, programs }: Variable = variables[name];
      expect(flat.includes(`${name} ${about}`)).toBe(programs.includes(program));
      if (fallback !== undefined && programs.includes(program))
        expect(flat).toContain(`${about} [${fallback}${unit ? ` ${unit}` : ''}]`);
    }
    for (const [exit, about] of EXIT_CODES) expect(flat).toContain(`${exit} ${about}`);
    expect(Math.max(...output.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(await outcome(script, ['help'])).toEqual({ code: 0, output });
  });

  test('help of a command, asked for in either way', async () => {
    const { code, output } = await outcome(script, ['help', 'completion']);
    expect(code).toBe(0);
    for (const word of [`facerec-${program} completion bash|zsh|fish`, 'Examples:', 'Exit codes:'])
      expect(output).toContain(word);
    expect(await outcome(script, ['completion', '--help'])).toEqual({ code, output });
  });

  test('--version', async () => {
    expect(await outcome(script, ['--version'])).toEqual({
      code: 0,
      output: expect.stringMatching(new RegExp(`^facerec-${program} \\d+\\.\\d+\\.\\d+\n$`)),
    });
  });

  test('--licenses names the packages that it uses', async () => {
    const { code, output } = await outcome(script, ['--licenses']);
    expect(code).toBe(0);
    for (const word of ['MIT', 'hono', 'onnxruntime-node', 'sharp', 'valibot'])
      expect(output).toContain(word);
  });

  test.each([
    [['--hlep'], 'there is no command or option "--hlep"; did you mean "--help"?'],
    [['compeltion'], 'did you mean "completion"?'],
    [['completion'], '"completion" needs bash|zsh|fish; "help completion" tells the usage'],
    [['completion', 'bsah'], '"completion" knows no "bsah"; did you mean "bash"?; it takes bash, zsh, fish'],
    [['completion', 'zsh', 'fish'], 'unexpected "fish"'],
    [['completion', '--verison'], 'there is no option "--verison"; did you mean "--version"?'],
    [['help', 'everything'], '"help" knows no "everything"; it takes'],
    [['quite-another'], 'there is no command or option "quite-another"; --help lists them'],
  ])('%j is exit code 64 with a hint', async (words, hint) => {
    const { code, output } = await outcome(script, words);
    expect(output).toContain(hint);
    expect(code).toBe(64);
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

test.each([
  ['worker', ['recognise'], '"recognise" needs PHOTO…'],
  ['worker', ['recognize', 'a.jpg'], 'did you mean "recognise"?'],
  ['worker', ['recognise', '--jsn', 'a.jpg'], 'there is no option "--jsn"'],
  [
    'controller',
    ['doctor', 'wbe'],
    '"doctor" knows no "wbe"; did you mean "web"?; it takes web, controller, worker',
  ],
  ['controller', ['user-data', 'now'], 'unexpected "now"'],
])('facerec-%s %j is wrong usage', async (program, words, hint) => {
  const { code, output } = await outcome(`src/${program}.ts`, words);
  expect(output).toContain(hint);
  expect(code).toBe(64);
});

test('simulate: its own options in its help, one wrong word is exit code 64, a run tells what it would cost', async () => {
  const help = await outcome('src/controller.ts', ['simulate', '--help']);
  for (const { name } of described.options) expect(help.output).toContain(`  ${name}`);
  for (const word of ['Traces:', 'heavy', 'Policies:', ...policyNames, '--plot FILE.svg'])
    expect(help.output).toContain(word);
  expect(help.code).toBe(0);
  const wrong = await outcome('src/controller.ts', ['simulate', '--min', '9', '--max', '2']);
  expect(wrong).toMatchObject({ code: 64, output: expect.stringContaining('--min: 9 is more than --max 2') });
  const run = await outcome('src/controller.ts', ['simulate', '--trace', 'burst100', '--policy', 'seed,law']);
  expect(run.code).toBe(0);
  expect(run.output).toMatch(/^seed .*\nlaw .*$/m);
});

test('a file whose name begins with a dash comes after --', async () => {
  const { code, output } = await outcome('src/worker.ts', ['recognise', '--', '--help']);
  expect(JSON.parse(output)).toMatchObject({ file: '--help', status: 'failed', reason: 'photo-missing' });
  expect(code).toBe(1);
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
