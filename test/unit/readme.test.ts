import { expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withConfigurationTable } from '../../build/configurationTable.ts';

const readme = await readFile(join(import.meta.dir, '..', '..', 'README.md'), 'utf8');

test('the configuration table is what the programs read; `bun run docs` writes it', () => {
  expect(readme).toBe(withConfigurationTable(readme));
});

test('the two commands are scripts', async () => {
  const { scripts } = await import('../../package.json');
  for (const [, script] of readme.matchAll(/npx -y bun@1\.4\.5 run (\w+)/g))
    expect(Object.keys(scripts)).toContain(script!);
  expect(readme).toContain('npx -y bun@1.4.5 run start');
  expect(readme).toContain('npx -y bun@1.4.5 run test');
});
