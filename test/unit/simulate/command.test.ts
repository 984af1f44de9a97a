import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simulateCommand } from '../../../src/simulate/command.ts';
import { parseArrivals } from '../../../src/simulate/csv.ts';
import { policyNames } from '../../../src/simulate/policies.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'facerec-simulate-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function run(...words: string[]) {
  let out = '';
  let error = '';
  const code = await simulateCommand(words, {
    out(text) {
      out += text;
    },
    error(text) {
      error += text;
    },
  });
  return { code, out, error };
}

describe('the command', () => {
  test('all problems at once, by the name of the option', async () => {
    const { code, out, error } = await run(
      '--tracee',
      'poisson',
      '--boot',
      'abc',
      '--min=9',
      '--max',
      '4',
      '--policy',
      'law,fuzzy',
      '--rate',
    );
    expect(code).toBe(64);
    expect(out).toBe('');
    expect(
      error
        .split('\n')
        .filter(line => line.startsWith('simulate: '))
        .map(line => line.split(' ')[1]),
    ).toEqual(['--tracee:', '--boot:', '--policy:', '--rate:', '--min:']);
  });

  test('a comparison has a line for each policy, the same again', async () => {
    const words = ['--trace', 'burst1000', '--service', '1', '--compare', '--price', '0.1'];
    const { code, out } = await run(...words);
    expect(code).toBe(0);
    const lines = out.trim().split('\n').slice(2);
    expect(lines.map(line => line.split(/\s+/)[0] as (typeof policyNames)[number])).toEqual(policyNames);
    expect((await run(...words)).out).toBe(out);
    const [, , , , , , hours, dollars] = lines[1]!.split(/\s+/);
    expect(Number(dollars)).toBeCloseTo(Number(hours) * 0.1, 2);
  });

  test('a CSV of dates, and a picture', async () => {
    const csv = join(directory, 'monday.csv');
    const picture = join(directory, 'monday.svg');
    const dates = Array.from(
      { length: 300 },
      (_, i) => `${new Date(Date.UTC(2026, 2, 2, 8) + i * 500).toISOString()},x`,
    );
    await writeFile(csv, ['time,note', ...dates].join('\n'));
    const { code, out } = await run(
      '--csv',
      csv,
      '--max',
      '30',
      '--messages-per-instance',
      '2',
      '--plot',
      picture,
    );
    expect(code).toBe(0);
    expect(out).toContain('monday.csv: 300 messages in 13 min');
    const svg = await readFile(picture, 'utf8');
    for (const text of [
      'arrivals, messages a second',
      'queue, messages',
      'fleet, instances',
      'time, minutes',
      'prefers-color-scheme: dark',
    ])
      expect(svg).toContain(text);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('what cannot be read or written is told, with a code of its own', async () => {
    const bad = join(directory, 'bad.csv');
    await writeFile(bad, 'time\n1\nsoon\n');
    expect(await run('--csv', bad)).toMatchObject({ code: 66, error: expect.stringContaining('line 3') });
    expect((await run('--csv', join(directory, 'none.csv'))).code).toBe(66);
    expect((await run('--trace', 'burst100', '--plot', join(directory, 'none', 'x.svg'))).code).toBe(73);
  });
});

describe('timestamps', () => {
  test('seconds from the start keep their start, all others begin with the first', () => {
    expect(parseArrivals('a', '10\n5\n7.5').times).toEqual([5, 7.5, 10]);
    expect(parseArrivals('a', '1700000010\n1700000000').times).toEqual([0, 10]);
    expect(parseArrivals('a', 't\n1700000000000\n1700000002500').times).toEqual([0, 2.5]);
    expect(parseArrivals('a', '"2026-03-02T08:00:00Z";x\n2026-03-02T08:01:00Z').times).toEqual([0, 60]);
  });

  test('nothing is no arrivals', () => {
    expect(() => parseArrivals('a', 'time\n')).toThrow('no timestamp');
  });
});
