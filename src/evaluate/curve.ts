import { falseAcceptRate } from '../core/falseAccepts.ts';
import type { Evaluation } from './evaluate.ts';
import { BINS_PER_UNIT } from './samples.ts';

const WIDTH = 900;
const HEIGHT = 430;
const PLOT = { top: 50, bottom: 360, left: 60, right: 430 };
const RIGHT = 470;

const fixed = (value: number) => value.toFixed(1);
const text = (x: number, y: number, content: string, more = '') =>
  `<text x="${fixed(x)}" y="${fixed(y)}" ${more}>${content}</text>`;
const path = (points: readonly (readonly [number, number])[], kind: string) =>
  points.length === 0
    ? ''
    : `<path class="${kind}" d="M${points.map(([x, y]) => `${fixed(x)} ${fixed(y)}`).join('L')}"/>`;

/**
 * Two pictures in one SVG: how similar pairs of one person and of two are, and FRR against FAR for all thresholds, both axes
 * logarithmic. Readable in light and dark; nothing is loaded.
 */
export function curve(evaluation: Evaluation): string {
  const { threshold } = evaluation;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title">`,
    '<title id="title">Similarities of pairs, and false rejects against false accepts</title>',
    `<style>
svg{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--faint:#d0d7de;--one:#0a5bd3;--two:#b3380b;font:13px system-ui,sans-serif;background:var(--paper)}
@media (prefers-color-scheme:dark){svg{--ink:#e6edf3;--paper:#0d1117;--faint:#30363d;--one:#6cb0ff;--two:#ff9c66}}
text{fill:var(--ink)}.grid{stroke:var(--faint)}path{fill:none;stroke-width:2}.genuine{stroke:var(--one)}.impostors{stroke:var(--two)}
.fit{stroke:var(--two);stroke-dasharray:5 4}.det{stroke:var(--one)}.threshold{stroke:var(--ink);stroke-dasharray:2 3}.dot{fill:var(--ink)}
.genuine-text{fill:var(--one)}.impostors-text{fill:var(--two)}.end{text-anchor:end}.middle{text-anchor:middle}
</style>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" style="fill:var(--paper)"/>`,
    distributions(evaluation),
    det(evaluation),
    text(
      PLOT.left,
      HEIGHT - 15,
      `Threshold ${threshold.toFixed(3)}. Dashed: the normal tail that is fitted to strangers.`,
    ),
    '</svg>\n',
  ].join('\n');
}

/** Shares of pairs at least so similar (strangers) or less so (one person), against similarity. */
function distributions({ pairs, threshold, impostors }: Evaluation): string {
  const x = (similarity: number) => PLOT.left + ((similarity + 0.4) / 1.4) * (PLOT.right - PLOT.left);
  const least = Math.floor(Math.log10(Math.min(1e-4, 0.5 / Math.max(1, pairs.impostorCount))));
  const y = (share: number) =>
    PLOT.top + (Math.log10(Math.max(share, 10 ** least)) / least) * (PLOT.bottom - PLOT.top);
  const out = [text(PLOT.left, 25, 'Share of pairs beyond a similarity')];
  for (let power = 0; power >= least; power--) {
    const at = y(10 ** power);
    out.push(`<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${fixed(at)}" y2="${fixed(at)}"/>`);
    out.push(text(PLOT.left - 6, at + 4, share(power), 'class="end"'));
  }
  for (const tick of [-0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8, 1])
    out.push(text(x(tick), PLOT.bottom + 20, tick.toFixed(1), 'class="middle"'));
  const above: [number, number][] = [];
  let sum = 0;
  for (let bin = pairs.impostors.length - 1; bin >= 0.6 * BINS_PER_UNIT; bin--) {
    sum += pairs.impostors[bin]!;
    if (sum > 0 && bin % 5 === 0) above.push([x(bin / BINS_PER_UNIT - 1), y(sum / pairs.impostorCount)]);
  }
  const sorted = pairs.genuine.map(pair => pair.similarity).sort((a, b) => a - b);
  const below = sorted.map((similarity, i): [number, number] => [x(similarity), y((i + 1) / sorted.length)]);
  const fitted: [number, number][] = [];
  if (impostors)
    for (let similarity = 0.15; similarity < 0.8; similarity += 0.01) {
      const rate = falseAcceptRate(impostors, similarity);
      if (rate >= 10 ** least) fitted.push([x(similarity), y(rate)]);
    }
  out.push(path(above, 'impostors'), path(below, 'genuine'), path(fitted, 'fit'));
  out.push(
    `<line class="threshold" x1="${fixed(x(threshold))}" x2="${fixed(x(threshold))}" y1="${PLOT.top}" y2="${PLOT.bottom}"/>`,
  );
  out.push(
    text(PLOT.left + 8, PLOT.bottom - 26, 'strangers: this similar, or more', 'class="impostors-text"'),
  );
  out.push(text(PLOT.left + 8, PLOT.bottom - 8, 'one person: this similar, or less', 'class="genuine-text"'));
  return out.join('\n');
}

/** Detection error trade-off. */
function det({ pairs, threshold, falseAccepts, falseRejects }: Evaluation): string {
  const least = [
    Math.floor(Math.log10(Math.min(1e-3, 1 / Math.max(1, pairs.impostorCount)))),
    Math.floor(Math.log10(Math.min(1e-2, 1 / Math.max(1, pairs.genuine.length)))),
  ] as const;
  const right = WIDTH - 20;
  const left = RIGHT + 55;
  const x = (share: number) =>
    right - (Math.log10(Math.max(share, 10 ** least[0])) / least[0]) * (right - left);
  const y = (share: number) =>
    PLOT.top + (Math.log10(Math.max(share, 10 ** least[1])) / least[1]) * (PLOT.bottom - PLOT.top);
  const out = [text(left, 25, 'False rejects against false accepts, by threshold')];
  for (let power = 0; power >= least[0]; power--) {
    const at = x(10 ** power);
    out.push(`<line class="grid" x1="${fixed(at)}" x2="${fixed(at)}" y1="${PLOT.top}" y2="${PLOT.bottom}"/>`);
    out.push(text(at, PLOT.bottom + 20, share(power), 'class="middle"'));
  }
  for (let power = 0; power >= least[1]; power--) {
    const at = y(10 ** power);
    out.push(`<line class="grid" x1="${left}" x2="${right}" y1="${fixed(at)}" y2="${fixed(at)}"/>`);
    out.push(text(left - 6, at + 4, share(power), 'class="end"'));
  }
  const sorted = pairs.genuine.map(pair => pair.similarity).sort((a, b) => a - b);
  const points: [number, number][] = [];
  let accepted = 0;
  let rejected = sorted.length;
  for (let bin = pairs.impostors.length - 1; bin >= 0; bin--) {
    accepted += pairs.impostors[bin]!;
    while (rejected > 0 && sorted[rejected - 1]! >= bin / BINS_PER_UNIT - 1) rejected--;
    if (sorted.length > 0) points.push([x(accepted / pairs.impostorCount), y(rejected / sorted.length)]);
  }
  out.push(path(points, 'det'));
  out.push(
    `<circle class="dot" r="4" cx="${fixed(x(falseAccepts.value))}" cy="${fixed(y(falseRejects.value))}"/>`,
  );
  out.push(text(x(falseAccepts.value) + 8, y(falseRejects.value) - 8, threshold.toFixed(2)));
  return out.join('\n');
}

const share = (power: number) => (power === 0 ? '100 %' : `${Number((100 * 10 ** power).toPrecision(1))} %`);
