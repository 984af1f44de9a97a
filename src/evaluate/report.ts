import type { Evaluation, Recommendation } from './evaluate.ts';
import type { Estimate } from './intervals.ts';

const percent = (share: number) => {
  if (Number.isNaN(share)) return '–';
  const value = 100 * share;
  return `${value === 0 || value >= 0.1 ? value.toFixed(value >= 10 || value === 0 ? 1 : 2) : value.toPrecision(2)} %`;
};
const estimate = ({ value, low, high }: Estimate) => `${percent(value)}  [${percent(low)}, ${percent(high)}]`;
const count = (n: number) => Math.round(n).toLocaleString('en');
const row = (name: string, text: string) => `  ${name.padEnd(34)}${text}\n`;

/** A photo with a fault, and what it is. */
export interface Refused {
  readonly file: string;
  readonly reason: string;
}

/** What was found, for people to read. */
export function report(
  evaluation: Evaluation,
  recommended: readonly Recommendation[],
  target: number,
  model: string,
  refused: readonly Refused[],
): string {
  const { samples, pairs, threshold, identification: id, impostors, doubts } = evaluation;
  const people = new Set(samples.map(({ person }) => person)).size;
  const text = [
    `${count(samples.length)} faces of ${count(people)} people, model ${model}\n`,
    `Brackets are 95 % confidence intervals: the people are drawn again 1,000 times, because pairs share people\n`,
    `(bootstrap, percentiles); Wilson's for strangers, and where there was no error at all or nothing else.\n`,
    `\nAt the threshold ${threshold.toFixed(3)}:\n`,
    row(
      'false accepts, pairs (FAR)',
      `${estimate(evaluation.falseAccepts)}  of ${count(pairs.impostorCount)}`,
    ),
    row(
      'false rejects, pairs (FRR)',
      `${estimate(evaluation.falseRejects)}  of ${count(pairs.genuine.length)}`,
    ),
    `\nOne photo of each of ${count(id.people)} people enrolled:\n`,
    row('rank-1: the right one is nearest', `${estimate(id.rankOne)}  of ${count(id.probes)}`),
    row('named right', estimate(id.named)),
    row('named as somebody else', estimate(id.misnamed)),
    row('strangers named', `${estimate(id.strangersNamed)}  of ${count(id.strangers)}`),
  ];
  if (impostors === undefined)
    text.push(
      '\nNo threshold is recommended: there are too few pairs of different people to tell of rare ones.\n',
    );
  else {
    const { mean, deviation, measuredTo } = impostors;
    const sizes = recommended.map(
      ({ faces, threshold, low, high, extrapolated, falseRejects }) =>
        `  ${count(faces).padStart(10)}  ${threshold.toFixed(3)}  [${low.toFixed(3)}, ${high.toFixed(3)}]  ` +
        `${percent(falseRejects).padStart(7)}${extrapolated ? '  extrapolated' : ''}\n`,
    );
    text.push(
      `\nThresholds at which ${percent(target)} of strangers are named:\n`,
      `  ${'faces'.padStart(10)}  threshold               FRR of pairs\n`,
      ...sizes,
      `These photos tell of similarities up to ${measuredTo.toFixed(3)}, beyond which a normal tail is assumed. Strangers who are\n`,
      'less like strangers than these (relatives, one age, one origin) are named more often.\n',
      `For FACEREC_TARGET_FAR with these models, in the thresholds of their manifest:\n`,
      `  "impostors": ${JSON.stringify({ mean: Number(mean.toFixed(4)), deviation: Number(deviation.toFixed(4)), measuredTo: Number(measuredTo.toFixed(3)) })}\n`,
    );
  }
  if (doubts.length > 0) text.push('\nTo be looked at:\n');
  for (const { kind, face, other } of doubts) {
    const what =
      kind === 'near-duplicate'
        ? 'is nearly the same picture as'
        : 'is closer to another person than to its own:';
    text.push(`  ${face} ${what} ${other.face} (${other.similarity.toFixed(3)})\n`);
  }
  if (refused.length > 0) text.push('\nPhotos with faults:\n');
  for (const { file, reason } of refused) text.push(`  ${file}: ${reason}\n`);
  return text.join('');
}
