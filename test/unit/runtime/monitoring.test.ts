import { expect, test } from 'bun:test';
import { mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alertRules, dashboard, dashboardExpressions, folder } from '../../support/monitoring.ts';

/** Of Debian's package prometheus. */
const promtool = process.env.PROMTOOL ?? Bun.which('promtool');

const ami = join(folder, '..');
const alerts = await alertRules();

async function check(words: readonly string[], directory = folder) {
  const child = Bun.spawn([promtool ?? '', ...words], { cwd: directory, stdout: 'pipe', stderr: 'pipe' });
  const said = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
  return { code: await child.exited, said };
}

test('each alert says how grave it is, and has its entry in the runbook, and there is none without an alert', async () => {
  const runbook = await readFile(join(ami, 'RUNBOOK.md'), 'utf8');
  const entries = runbook
    .split(/^##+ /m)
    .flatMap(section => [...section.matchAll(/^(Facerec\w+)\n\n(.*)$/gs)]);
  expect(entries.map(([, name]) => name)).toEqual(alerts.map(({ alert }) => alert));
  expect(alerts.length).toBeGreaterThan(10);
  for (const { alert, labels, annotations } of alerts) {
    expect(['warning', 'critical']).toContain(labels.severity);
    expect(annotations.runbook).toBe(`ami/RUNBOOK.md#${alert.toLowerCase()}`);
    expect(annotations.summary.length).toBeGreaterThan(10);
  }
  for (const [, name, body] of entries) {
    expect([name, body]).toEqual([name, expect.stringMatching(/^\*\*Symptom\*\*: .*\*\*Cause\*\*: /s)]);
    expect([name, body]).toEqual([name, expect.stringMatching(/^ {4}\S/m)]);
  }
});

test('the runbook’s events, programs and commands are those that there are', async () => {
  const runbook = await readFile(join(ami, 'RUNBOOK.md'), 'utf8');
  const sources = await Promise.all(
    [...new Bun.Glob('src/**/*.ts').scanSync(join(ami, '..'))].map(path =>
      readFile(join(ami, '..', path), 'utf8'),
    ),
  );
  const source = sources.join('\n');
  const events = [...runbook.matchAll(/\.event == "([^"]+)"/g)].map(([, event]) => event);
  expect(events.length).toBeGreaterThan(5);
  for (const event of events) expect(source).toContain(`'${event}'`);
  for (const [, program, command] of runbook.matchAll(/^ {4}facerec-(web|controller|worker) (\w[\w-]*)/gm))
    expect(await readFile(join(ami, '..', 'src', `${program}.ts`), 'utf8')).toContain(`name: '${command}'`);
});

test('the dashboard is one that Grafana takes: ids, places and queries', () => {
  expect(dashboard.title).toBe('facerec');
  expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36);
  const ids = dashboard.panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const taken = new Set<string>();
  for (const { gridPos, type, targets = [] } of dashboard.panels) {
    const { x, y, w, h } = gridPos;
    expect(x + w).toBeLessThanOrEqual(24);
    for (let i = x; i < x + w; i++)
      for (let j = y; j < y + h; j++) {
        expect(taken.has(`${i} ${j}`)).toBe(false);
        taken.add(`${i} ${j}`);
      }
    expect(targets.length > 0).toBe(type !== 'row');
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
  }
  expect(dashboardExpressions().length).toBeGreaterThan(30);
});

test.skipIf(!promtool)(
  'promtool (Debian: prometheus) loads the rules, and they fire when they should',
  async () => {
    for (const words of [
      ['check', 'rules', 'alerts.yaml'],
      ['check', 'config', 'prometheus.yaml'],
      ['test', 'rules', 'alerts.test.yaml'],
    ]) {
      const { code, said } = await check(words);
      expect([said, code]).toEqual([expect.stringContaining('SUCCESS'), 0]);
    }
  },
);

test.skipIf(!promtool)('promtool (Debian: prometheus) understands each query of the dashboard', async () => {
  const rules = dashboardExpressions().map((expr, i) => ({ record: `panel:${i}`, expr }));
  const directory = mkdtempSync(join(tmpdir(), 'facerec-promtool-'));
  await Bun.write(join(directory, 'rules.yaml'), JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
  const { code, said } = await check(['check', 'rules', 'rules.yaml'], directory);
  expect([said, code]).toEqual([expect.stringContaining(`${rules.length} rules found`), 0]);
});
