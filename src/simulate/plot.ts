import type { Arrivals } from './arrivals.ts';
import type { Outcome } from './outcome.ts';

const WIDTH = 900;
const LEFT = 64;
const RIGHT = 16;
const TOP = 34;
const PANEL = 130;
const GAP = 34;
const BOTTOM = 40;
/** Points along the time axis, at most. */
const POINTS = 600;

interface Line {
  readonly label: string;
  readonly colour: string;
  readonly values: readonly number[];
  readonly filled?: boolean;
}

interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** An SVG picture of a run over time: arrivals, queue, fleet. Readable on light and on dark ground. */
export function plot(arrivals: Arrivals, policy: string, outcome: Outcome): string {
  const seconds = Math.max(1, Math.floor(outcome.seconds));
  const step = Math.max(1, Math.ceil(seconds / POINTS));
  const rate = new Array<number>(Math.ceil(seconds / step)).fill(0);
  for (const time of arrivals.times) {
    const bin = Math.floor(time / step);
    if (bin < rate.length) rate[bin]! += 1 / step;
  }
  const { depth, fleet, ready } = outcome.course;
  const panels: Panel[] = [
    {
      title: 'arrivals, messages a second',
      lines: [{ label: 'arrivals', colour: 'arrivals', values: rate, filled: true }],
    },
    {
      title: 'queue, messages',
      lines: [
        { label: 'visible and in flight', colour: 'queue', values: highest(depth, step), filled: true },
      ],
    },
    {
      title: 'fleet, instances',
      lines: [
        { label: 'launched', colour: 'fleet', values: highest(fleet, step) },
        { label: 'ready', colour: 'ready', values: highest(ready, step), filled: true },
      ],
    },
  ];
  const height = TOP + panels.length * (PANEL + GAP) + BOTTOM - GAP;
  const title = escapeXml(`${arrivals.name}, scaled by ${policy}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${title}">
<title>${title}</title>
<style>
  svg { color-scheme: light dark; --ink: #1f2328; --faint: #d0d7de; --ground: #ffffff; --arrivals: #0969da; --queue: #bc4c00; --fleet: #8250df; --ready: #1a7f37; background: var(--ground); font: 12px system-ui, sans-serif; }
  @media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --faint: #3d444d; --ground: #0d1117; --arrivals: #4493f8; --queue: #f0883e; --fleet: #ab7df8; --ready: #3fb950; } }
  text { fill: var(--ink); } .grid { stroke: var(--faint); stroke-width: 1; } .line { fill: none; stroke-width: 1.5; } .area { opacity: 0.25; stroke: none; }
${['arrivals', 'queue', 'fleet', 'ready'].map(name => `  .${name}.line { stroke: var(--${name}); } .${name}.area, text.${name} { fill: var(--${name}); }`).join('\n')}
</style>
<rect width="100%" height="100%" fill="var(--ground)"/>
<text x="${LEFT}" y="14" font-weight="600">${title}</text>
${panels.map((panel, i) => drawPanel(panel, TOP + i * (PANEL + GAP))).join('\n')}
${timeAxis(seconds, TOP + panels.length * (PANEL + GAP) - GAP)}
</svg>
`;
}

function drawPanel({ title, lines }: Panel, top: number): string {
  const most = niceCeiling(Math.max(1, ...lines.flatMap(({ values }) => values)));
  const bottom = top + PANEL;
  const y = (value: number) => (bottom - (value / most) * (PANEL - 16)).toFixed(1);
  const ticks = [0, most / 2, most].map(
    value =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}"/><text x="${LEFT - 6}" y="${Number(y(value)) + 4}" text-anchor="end">${+value.toFixed(2)}</text>`,
  );
  const drawn = lines.map(({ colour, values, filled }) => {
    const width = WIDTH - LEFT - RIGHT;
    const x = (i: number) => (LEFT + (i / Math.max(1, values.length)) * width).toFixed(1);
    const heights = values.map(y);
    const path = heights
      .map((height, i) => {
        const begin = i === 0 ? `M${x(0)} ${height}` : height === heights[i - 1] ? '' : `V${height}`;
        return height === heights[i + 1] ? begin : `${begin}H${x(i + 1)}`;
      })
      .join('');
    const area = filled ? `<path class="${colour} area" d="${path}V${bottom}H${LEFT}Z"/>` : '';
    return `${area}<path class="${colour} line" d="${path}"/>`;
  });
  const legend =
    lines.length > 1
      ? lines
          .map(
            ({ label, colour }) =>
              `<tspan class="${colour}" dx="12" style="fill: var(--${colour})">■ ${escapeXml(label)}</tspan>`,
          )
          .join('')
      : '';
  return `<g>${ticks.join('')}<text x="${LEFT}" y="${top + 4}">${escapeXml(title)}${legend}</text>${drawn.join('')}</g>`;
}

function timeAxis(seconds: number, bottom: number): string {
  const [unit, name] =
    seconds > 3 * 86_400 ? [86_400, 'days'] : seconds > 6 * 3600 ? [3600, 'hours'] : [60, 'minutes'];
  const every = niceCeiling(seconds / unit / 8);
  const marks: string[] = [];
  for (let value = 0; value <= seconds / unit; value += every) {
    const x = LEFT + ((value * unit) / seconds) * (WIDTH - LEFT - RIGHT);
    marks.push(
      `<text x="${x.toFixed(1)}" y="${bottom + 16}" text-anchor="middle">${+value.toFixed(2)}</text>`,
    );
  }
  return `<g>${marks.join('')}<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${bottom + 34}" text-anchor="middle">time, ${name}</text></g>`;
}

/** The highest of each `step` values. */
function highest(values: readonly number[], step: number): number[] {
  return Array.from({ length: Math.ceil(values.length / step) }, (_, i) =>
    Math.max(...values.slice(i * step, (i + 1) * step)),
  );
}

/** 1, 2 or 5 times a power of ten, at least the value. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map(factor => factor * power).find(nice => nice >= value - 1e-9) ?? value;
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
