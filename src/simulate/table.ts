import type { Measures } from './measures.ts';
import type { PolicyName } from './policies.ts';

export interface Row {
  readonly policy: PolicyName;
  readonly measures: Measures;
}

/** One line for each policy, means of a run. Costs in instance-hours and dollars, waits in seconds. */
export function table(rows: readonly Row[], price: number): string {
  const reference = rows.find(({ policy }) => policy === 'clairvoyant')?.measures.cost;
  const heading = [
    'policy',
    'p50 s',
    'p95 s',
    'p99 s',
    '≤30 s',
    'inst-h',
    'USD',
    '× ideal',
    'launches',
    'wasted',
    'busy kills',
    'peak',
    'EC2 calls/h',
  ];
  const lines = rows.map(({ policy, measures: m }) => [
    policy,
    ...[m.p50, m.p95, m.p99].map(seconds),
    `${(100 * m.within30).toFixed(1)} %`,
    (m.cost / 3600).toFixed(2),
    ((m.cost / 3600) * price).toFixed(3),
    reference === undefined ? '–' : (m.cost / reference).toFixed(2),
    ...[m.launches, m.wasted, m.busyKills].map(count),
    String(m.peak),
    (m.ec2Calls / m.hours).toFixed(0),
  ]);
  const widths = heading.map((title, i) => Math.max(title.length, ...lines.map(line => line[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [heading, ...lines].map(line).join('\n');
}

function seconds(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}

function count(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}
