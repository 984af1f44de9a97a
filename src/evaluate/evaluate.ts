import { type Doubt, doubtsOf, type Neighbour } from '../core/doubts.ts';
import { type Impostors, thresholdFor } from '../core/falseAccepts.ts';
import { bootstrap, type Estimate, mulberry, replicates, wilson } from './intervals.ts';
import { BINS_PER_UNIT, comparePairs, dot, type Pairs, type Sample } from './samples.ts';
import { fitTail } from './tail.ts';

export interface Evaluation {
  readonly samples: readonly Sample[];
  readonly pairs: Pairs;
  readonly threshold: number;
  readonly falseAccepts: Estimate;
  readonly falseRejects: Estimate;
  /** As the service does it: the first photo of each person with several is enrolled, the others are asked for. */
  readonly identification: {
    readonly people: number;
    readonly probes: number;
    /** The right person is the most similar one. */
    readonly rankOne: Estimate;
    /** And similar enough. */
    readonly named: Estimate;
    /** Somebody else is the most similar one, and similar enough. */
    readonly misnamed: Estimate;
    /** People with one photo: of these, named as somebody. */
    readonly strangers: number;
    readonly strangersNamed: Estimate;
  };
  readonly impostors: Impostors | undefined;
  readonly doubts: readonly Doubt[];
}

export function evaluate(samples: readonly Sample[], threshold: number): Evaluation {
  const pairs = comparePairs(samples);
  return {
    ...{ samples, pairs, threshold },
    falseAccepts: falseAccepts(samples, pairs, threshold),
    falseRejects: falseRejects(samples, pairs, threshold),
    identification: identification(samples, threshold),
    impostors: fitTail(pairs.nearest, pairs.impostorCount),
    doubts: samples.flatMap((sample, i) => doubtsOf(sample.file, ...neighbours(samples, i), threshold)),
  };
}

export interface Recommendation {
  readonly faces: number;
  readonly threshold: number;
  /** Where the threshold lies with 95 % confidence, as far as other people of the same kind go. */
  readonly low: number;
  readonly high: number;
  readonly extrapolated: boolean;
  /** Share of pairs of one person below it. */
  readonly falseRejects: number;
}

/** Thresholds that hold a rate of false accepts in galleries of several sizes; empty where there are too few pairs to say. */
export function recommend(
  { samples, pairs, impostors }: Evaluation,
  target: number,
  sizes: readonly number[],
): Recommendation[] {
  if (impostors === undefined) return [];
  const { people, personOf, counts } = peopleOf(samples);
  const fits = replicates(people.length, mulberry(2), 200).flatMap(weights => {
    const total = crossPairs(counts, weights);
    const weightOf = ({ one, other }: { one: number; other: number }) =>
      weights[personOf[one]!]! * weights[personOf[other]!]!;
    return fitTail(pairs.nearest, total, weightOf) ?? [];
  });
  return sizes.map(faces => {
    const threshold = thresholdFor(impostors, target, faces);
    const spread = fits.map(fit => thresholdFor(fit, target, faces)).sort((a, b) => a - b);
    return {
      ...{ faces, threshold },
      low: spread[Math.floor(0.025 * spread.length)] ?? Number.NaN,
      high: spread[Math.floor(0.975 * spread.length)] ?? Number.NaN,
      extrapolated: threshold > impostors.measuredTo,
      falseRejects: pairs.genuine.filter(pair => pair.similarity < threshold).length / pairs.genuine.length,
    };
  });
}

/** People by number: their ids, whose each sample is, and how many samples each has. */
function peopleOf(samples: readonly Sample[]) {
  const people = [...new Set(samples.map(({ person }) => person))];
  const numbers = new Map(people.map((person, i) => [person, i]));
  const personOf = samples.map(({ person }) => numbers.get(person)!);
  const counts = new Float64Array(people.length);
  for (const person of personOf) counts[person]!++;
  return { people, personOf, counts };
}

/** Pairs of samples of two people, where person i occurs `weights[i]` times; a person twice drawn is no stranger to itself. */
function crossPairs(counts: Float64Array, weights: Float64Array): number {
  let sum = 0;
  let squares = 0;
  for (const [i, count] of counts.entries()) {
    sum += weights[i]! * count;
    squares += (weights[i]! * count) ** 2;
  }
  return (sum * sum - squares) / 2;
}

function falseAccepts(
  samples: readonly Sample[],
  { nearest, impostors, impostorCount }: Pairs,
  threshold: number,
): Estimate {
  const { people, personOf, counts } = peopleOf(samples);
  const errors = nearest.filter(({ similarity }) => similarity >= threshold);
  // Below the tail that is kept pair by pair, there are so many errors that their number alone tells enough.
  if (errors.length === nearest.length && nearest.length < impostorCount) {
    const successes = impostors.reduce(
      (sum, n, bin) => (bin / BINS_PER_UNIT - 1 >= threshold ? sum + n : sum),
      0,
    );
    return wilson(successes, impostorCount);
  }
  return bootstrap({
    people: people.length,
    count: weights => ({
      successes: errors.reduce(
        (sum, { one, other }) => sum + weights[personOf[one]!]! * weights[personOf[other]!]!,
        0,
      ),
      trials: crossPairs(counts, weights),
    }),
  });
}

function falseRejects(samples: readonly Sample[], { genuine }: Pairs, threshold: number): Estimate {
  return byPerson(
    genuine.map(({ one, similarity }) => ({ person: samples[one]!.person, success: similarity < threshold })),
  );
}

/** The share of successes among trials that each belong to one person. */
function byPerson(trials: readonly { readonly person: string; readonly success: boolean }[]): Estimate {
  const tallies = new Map<string, { successes: number; trials: number }>();
  for (const { person, success } of trials) {
    const tally = tallies.get(person) ?? { successes: 0, trials: 0 };
    tallies.set(person, { successes: tally.successes + (success ? 1 : 0), trials: tally.trials + 1 });
  }
  const all = [...tallies.values()];
  return bootstrap({
    people: all.length,
    count: weights =>
      all.reduce(
        (sum, tally, i) => ({
          successes: sum.successes + weights[i]! * tally.successes,
          trials: sum.trials + weights[i]! * tally.trials,
        }),
        { successes: 0, trials: 0 },
      ),
  });
}

function identification(samples: readonly Sample[], threshold: number): Evaluation['identification'] {
  const groups = Map.groupBy(samples, ({ person }) => person);
  const known = [...groups.values()].filter(group => group.length > 1);
  const enrolled = known.map(([first]) => first!);
  const best = (probe: Sample) => nearestOf(enrolled, probe);
  const probes = known.flatMap(([, ...others]) => others).map(probe => ({ probe, found: best(probe)! }));
  const share = (isSuccess: (trial: (typeof probes)[number]) => boolean) =>
    byPerson(probes.map(trial => ({ person: trial.probe.person, success: isSuccess(trial) })));
  const strangers = [...groups.values()].filter(group => group.length === 1).map(([only]) => only!);
  const named = strangers.filter(probe => (best(probe)?.similarity ?? -1) >= threshold);
  return {
    people: enrolled.length,
    probes: probes.length,
    rankOne: share(({ probe, found }) => found.person === probe.person),
    named: share(({ probe, found }) => found.person === probe.person && found.similarity >= threshold),
    misnamed: share(({ probe, found }) => found.person !== probe.person && found.similarity >= threshold),
    strangers: strangers.length,
    strangersNamed: wilson(named.length, strangers.length),
  };
}

function nearestOf(among: readonly Sample[], sample: Sample): Neighbour | undefined {
  let nearest: Neighbour | undefined;
  for (const { person, file, embedding } of among) {
    const similarity = dot(embedding, sample.embedding);
    if (similarity > (nearest?.similarity ?? -2)) nearest = { person, face: file, similarity };
  }
  return nearest;
}

function neighbours(samples: readonly Sample[], i: number): [Neighbour | undefined, Neighbour | undefined] {
  const sample = samples[i]!;
  const own = samples.filter((other, j) => j !== i && other.person === sample.person);
  const others = samples.filter(other => other.person !== sample.person);
  return [nearestOf(own, sample), nearestOf(others, sample)];
}
