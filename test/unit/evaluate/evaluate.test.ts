import { describe, expect, test } from 'bun:test';
import { falseAcceptRate } from '../../../src/core/falseAccepts.ts';
import { curve } from '../../../src/evaluate/curve.ts';
import { evaluate, recommend } from '../../../src/evaluate/evaluate.ts';
import { bootstrap, mulberry, wilson } from '../../../src/evaluate/intervals.ts';
import { report } from '../../../src/evaluate/report.ts';
import { comparePairs, type Sample } from '../../../src/evaluate/samples.ts';
import { fitTail } from '../../../src/evaluate/tail.ts';
import { normalise } from '../../../src/face/embed.ts';

const DIMENSIONS = 64;

function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** People whose photos resemble each other by 0.75 or so, and other people's by 0 ± 0.1. */
function people(count: number, photos: number, random = mulberry(7)): Sample[] {
  return Array.from({ length: count }, (_, p) => {
    const centre = Float32Array.from({ length: DIMENSIONS }, () => gaussian(random));
    return Array.from({ length: photos }, (_, n) => ({
      person: `p${p}`,
      file: `p${p}/${n}.jpg`,
      embedding: normalise(centre.map(value => value + 0.58 * gaussian(random))).embedding,
    }));
  }).flat();
}

describe('intervals', () => {
  test('Wilson’s agree with tables', () => {
    const rounded = ({ low, high }: { low: number; high: number }) =>
      [low, high].map(x => Number(x.toFixed(4)));
    expect(rounded(wilson(0, 10))).toEqual([0, 0.2775]);
    expect(rounded(wilson(5, 10))).toEqual([0.2366, 0.7634]);
    expect(rounded(wilson(10, 10))).toEqual([0.7225, 1]);
    expect(rounded(wilson(81, 263))).toEqual([0.2553, 0.3662]);
    expect(wilson(0, 0).value).toBeNaN();
  });

  test('drawing people again covers the true share about as often as promised', () => {
    const random = mulberry(3);
    let covered = 0;
    const rounds = 100;
    for (let round = 0; round < rounds; round++) {
      // Each of 60 people has five trials of one share that differs between people: 0.3 in the mean.
      const tallies = Array.from({ length: 60 }, () => {
        const own = 0.6 * random();
        return Array.from({ length: 5 }, () => (random() < own ? 1 : 0)).reduce<number>((a, b) => a + b, 0);
      });
      const { low, high } = bootstrap({
        people: 60,
        count: weights => ({
          successes: tallies.reduce((sum, tally, i) => sum + weights[i]! * tally, 0),
          trials: tallies.reduce((sum, _, i) => sum + weights[i]! * 5, 0),
        }),
      });
      if (low <= 0.3 && 0.3 <= high) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(88);
  });

  test('no error at all tells as much as there are people', () => {
    const none = bootstrap({ people: 10, count: () => ({ successes: 0, trials: 1000 }) });
    expect(none).toEqual({ value: 0, low: 0, high: wilson(0, 10).high });
  });
});

describe('evaluate', () => {
  const samples = people(60, 3);
  const strangers = people(30, 1, mulberry(8)).map(sample => ({ ...sample, person: `s-${sample.person}` }));
  const evaluation = evaluate([...samples, ...strangers], 0.4);

  test('counts pairs and errors as by hand', () => {
    const all = [...samples, ...strangers];
    const cosine = (a: Sample, b: Sample) => a.embedding.reduce((sum, x, i) => sum + x * b.embedding[i]!, 0);
    let [accepts, impostors, rejects, genuine] = [0, 0, 0, 0];
    for (const [i, one] of all.entries())
      for (const other of all.slice(i + 1)) {
        const similar = cosine(one, other) >= 0.4;
        if (one.person === other.person) {
          genuine++;
          if (!similar) rejects++;
        } else {
          impostors++;
          if (similar) accepts++;
        }
      }
    expect(evaluation.pairs.impostorCount).toBe(impostors);
    expect(evaluation.pairs.genuine).toHaveLength(genuine);
    expect(evaluation.falseAccepts.value).toBeCloseTo(accepts / impostors, 9);
    expect(evaluation.falseRejects.value).toBeCloseTo(rejects / genuine, 9);
    expect(evaluation.falseAccepts.low).toBeLessThanOrEqual(evaluation.falseAccepts.value);
    expect(evaluation.falseAccepts.high).toBeGreaterThan(evaluation.falseAccepts.value);
    expect(evaluation.identification).toMatchObject({ people: 60, probes: 120, strangers: 30 });
    expect(evaluation.identification.rankOne.value).toBeGreaterThan(0.9);
    expect(evaluate(samples, 0.4).doubts).toEqual([]);
  });

  test('a threshold so low that there are more errors than are kept pair by pair is counted, too', () => {
    const low = evaluate(samples, -1);
    expect(low.falseAccepts.value).toBeCloseTo(1, 9);
    expect(low.falseRejects.value).toBe(0);
  });

  test('finds a photo in the wrong folder, and one that is there twice', () => {
    const wrong = { ...samples[3]!, file: 'p0/wrong.jpg', person: 'p0' };
    const { doubts } = evaluate([...samples, wrong], 0.4);
    const pairs = doubts.map(({ kind, face, other }) => `${kind} ${face} ${other.face}`);
    expect(pairs).toContain('closer-to-another p0/wrong.jpg p1/0.jpg');
    expect(pairs).toContain('near-duplicate p0/wrong.jpg p1/0.jpg');
  });

  test('recommends more for larger galleries, says how sure that is, and where nothing is known', () => {
    const recommended = recommend(evaluation, 0.01, [1, 100, 10_000]);
    expect(recommended.map(({ faces }) => faces)).toEqual([1, 100, 10_000]);
    for (const [i, { threshold, low, high }] of recommended.entries()) {
      expect(low).toBeLessThan(threshold);
      expect(high).toBeGreaterThan(threshold);
      if (i > 0) expect(threshold).toBeGreaterThan(recommended[i - 1]!.threshold);
    }
    expect(recommended[0]!.extrapolated).toBe(false);
    expect(recommended[2]!.extrapolated).toBe(true);
    const few = evaluate(people(3, 2), 0.4);
    expect(recommend(few, 0.01, [10])).toEqual([]);
    expect(report(few, [], 0.01, 'm', [])).toContain('too few pairs');
  });

  test('is reported for people, and drawn as well-formed SVG without anything from elsewhere', () => {
    const text = report(evaluation, recommend(evaluation, 0.01, [100]), 0.01, 'm', [
      { file: 'x.jpg', reason: 'no-face; not used' },
    ]);
    for (const part of [
      'FAR',
      'FRR',
      'rank-1',
      'strangers named',
      'bootstrap',
      '"impostors":',
      'x.jpg: no-face',
    ])
      expect(text).toContain(part);
    const svg = curve(evaluation);
    expect(svg).not.toMatch(/NaN|Infinity|undefined|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
    const open: string[] = [];
    for (const [, end, name, alone] of svg.matchAll(/<(\/?)(\w+)[^<>]*?(\/?)>/g)) {
      if (end) expect(open.pop()).toBe(name!);
      else if (!alone) open.push(name!);
    }
    expect(open).toEqual([]);
    expect(svg.match(/<path class="(impostors|genuine|fit|det)"/g)).toHaveLength(4);
  });
});

test('the tail of a normal distribution is found again, far beyond what is given', () => {
  const random = mulberry(5);
  const values = Array.from({ length: 200_000 }, () => -0.04 + 0.12 * gaussian(random)).sort((a, b) => b - a);
  const nearest = values.slice(0, 4000).map(similarity => ({ one: 0, other: 1, similarity }));
  const fit = fitTail(nearest, values.length)!;
  expect(
    Math.log10(
      falseAcceptRate(fit, 0.53) / falseAcceptRate({ mean: -0.04, deviation: 0.12, measuredTo: 1 }, 0.53),
    ),
  ).toBeCloseTo(0, 0);
  expect(fit.measuredTo).toBeCloseTo(values[9]!, 9);
  expect(fitTail(nearest, 900)).toBeUndefined();
});

test('only the most similar pairs of two people are kept one by one', () => {
  const { nearest, impostorCount } = comparePairs(people(100, 2));
  expect(impostorCount).toBe((200 * 198) / 2);
  expect(nearest.length).toBeGreaterThanOrEqual(0.02 * impostorCount);
  expect(nearest.length).toBeLessThan(0.03 * impostorCount);
});
