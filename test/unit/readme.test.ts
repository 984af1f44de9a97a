import { expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withTables } from '../../build/configurationTable.ts';
import { withPermissionsTable } from '../../build/permissionsTable.ts';

const readme = await readFile(join(import.meta.dir, '..', '..', 'README.md'), 'utf8');

test('the tables are what the programs read and answer; `bun run docs` writes it', () => {
  expect(readme).toBe(withTables(readme));
});

test('so are the permissions', () => {
  expect(readme).toBe(withPermissionsTable(readme));
});

test('the two commands are scripts', async () => {
  const { scripts } = await import('../../package.json');
  for (const [, script] of readme.matchAll(/npx -y bun@1\.4\.5 run (\w+)/g))
    expect(Object.keys(scripts)).toContain(script!);
  expect(readme).toContain('npx -y bun@1.4.5 run start');
  expect(readme).toContain('npx -y bun@1.4.5 run test');
});
