import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { variableNames } from '../../src/variables.ts';
import { programs, run } from '../support/system.ts';
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
