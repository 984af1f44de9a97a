import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { parse } from 'yaml';

export const folder = join(import.meta.dir, '..', '..', 'ami', 'monitoring');

const RulesSchema = v.object({
  groups: v.array(
    v.object({
      name: v.string(),
      rules: v.array(
        v.strictObject({
          alert: v.string(),
          expr: v.string(),
          for: v.string(),
          labels: v.strictObject({ severity: v.string() }),
          annotations: v.strictObject({ summary: v.string(), runbook: v.string() }),
        }),
      ),
    }),
  ),
});

export async function alertRules() {
  const text = await readFile(join(folder, 'alerts.yaml'), 'utf8');
  return v.parse(RulesSchema, parse(text)).groups.flatMap(({ rules }) => rules);
}

const whole = v.pipe(v.number(), v.integer(), v.minValue(0));
const datasource = v.strictObject({
  type: v.literal('prometheus'),
  uid: v.pipe(v.string(), v.regex(/^\$\{datasource\}$/)),
});

/** What Grafana needs of a dashboard, as its documentation of the JSON model tells. */
const DashboardSchema = v.object({
  uid: v.pipe(v.string(), v.regex(/^[\w-]{1,40}$/)),
  title: v.string(),
  schemaVersion: whole,
  version: whole,
  time: v.strictObject({ from: v.string(), to: v.string() }),
  templating: v.object({
    list: v.array(
      v.object({
        name: v.literal('datasource'),
        type: v.literal('datasource'),
        query: v.literal('prometheus'),
      }),
    ),
  }),
  annotations: v.object({ list: v.array(v.object({ name: v.string(), datasource, expr: v.string() })) }),
  panels: v.array(
    v.object({
      id: whole,
      type: v.picklist(['row', 'stat', 'timeseries']),
      title: v.pipe(v.string(), v.minLength(1)),
      gridPos: v.strictObject({ x: whole, y: whole, w: whole, h: whole }),
      datasource: v.optional(datasource),
      fieldConfig: v.optional(
        v.object({ defaults: v.object({ unit: v.string() }), overrides: v.array(v.unknown()) }),
      ),
      targets: v.optional(
        v.array(
          v.strictObject({
            refId: v.pipe(v.string(), v.regex(/^[A-Z]$/)),
            datasource,
            expr: v.string(),
            legendFormat: v.string(),
            instant: v.optional(v.boolean()),
          }),
        ),
      ),
    }),
  ),
});

export const dashboard = v.parse(
  v.pipe(v.string(), v.parseJson(), DashboardSchema),
  await readFile(join(folder, 'dashboard.json'), 'utf8'),
);

/** Its queries, with Grafana's variable for the interval filled in. */
export function dashboardExpressions(): string[] {
  const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  return [...queries, ...dashboard.annotations.list.map(({ expr }) => expr)].map(expr =>
    expr.replaceAll('$__rate_interval', '5m'),
  );
}

/** Names of the series that a query reads. */
export function seriesIn(expr: string): string[] {
  return [...expr.replace(/"[^"]*"/g, '""').matchAll(/\b(?:facerec|process)_\w+/g)].map(([name]) => name);
}
