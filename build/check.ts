/** The project's whole check: format, lint, types, architecture, tests. Stops at the first step that fails. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dir, '..');
const bin = (name: string) => join(root, 'node_modules', '.bin', name);
const reports = await mkdtemp(join(tmpdir(), 'facerec-check-'));
const report = join(reports, 'junit.xml');

/** No test depends on speed: they wait for conditions, and this bounds only what would never end. */
const TEST_TIMEOUT_MS = 300_000;

const steps: readonly (readonly [string, readonly string[]])[] = [
  ['format and lint', [bin('biome'), 'ci', '--error-on-warnings', '.']],
  // These two are scripts for node; Bun runs them, so that any node, or none, will do.
  ['types', [process.execPath, '--bun', bin('tsc'), '--project', root]],
  [
    'architecture',
    [process.execPath, '--bun', bin('depcruise'), '--config', '.dependency-cruiser.cjs', 'src'],
  ],
  [
    'tests',
    [
      process.execPath,
      'test',
      `--timeout=${TEST_TIMEOUT_MS}`,
      '--reporter=junit',
      `--reporter-outfile=${report}`,
      ...process.argv.slice(2),
    ],
  ],
];

let failed: string | undefined;
for (const [name, command] of steps) {
  const started = performance.now();
  console.log(`\n== ${name}`);
  const child = Bun.spawn([...command], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  const code = await child.exited;
  console.log(
    `== ${name}: ${code === 0 ? 'fine' : `failed (exit code ${code})`}, ${Math.round(performance.now() - started)} ms`,
  );
  if (code !== 0) {
    failed = name;
    break;
  }
}

const junit = await readFile(report, 'utf8').catch(() => '');
await rm(reports, { recursive: true });
const total = (attribute: string) =>
  Number(new RegExp(`<testsuites[^>]*\\s${attribute}="(\\d+)"`).exec(junit)?.[1] ?? 0);
if (junit !== '') {
  const failures = total('failures') + total('errors');
  const skipped = total('skipped');
  console.log(`\n${total('tests') - failures - skipped} passed, ${failures} failed, ${skipped} skipped`);
}
if (failed !== undefined) {
  console.error(`\nThe check stopped at: ${failed}`);
  process.exit(1);
}
