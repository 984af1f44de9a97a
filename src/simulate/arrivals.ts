import { exponential, generator } from './random.ts';

/** When messages arrive, in seconds from the start, ascending; observed for `seconds`. */
export interface Arrivals {
  readonly name: string;
  readonly seconds: number;
  readonly times: readonly number[];
}

/** Work that arrives in a second, in seconds of one worker (Erlangs): the load is the same for fast and slow services. */
type Load = (t: number) => number;

interface Trace {
  readonly about: string;
  readonly seconds: number;
  /** @param service mean seconds of work for one message */
  generate(random: () => number, service: number): number[];
}

const burst = (count: number, about: string): Trace => ({
  about,
  seconds: 1800,
  generate(random) {
    const start = 600 + 300 * random();
    return ascending(Array.from({ length: count }, () => start + 2 * random()));
  },
});

const load = (about: string, seconds: number, peak: number, erlangs: Load): Trace => ({
  about,
  seconds,
  generate: (random, service) => poisson(random, seconds, peak / service, t => erlangs(t) / service),
});

/** `on` seconds at 14 Erlangs at the end of every `period` seconds, else half an Erlang. */
const onOff = (about: string, period: number, on: number): Trace =>
  load(about, 3600, 14, t => (t % period >= period - on ? 14 : 0.5));

export const traces = {
  burst100: burst(100, '100 messages within 2 s'),
  burst1000: burst(1000, '1,000 messages within 2 s'),
  poisson: load('a steady 8 Erlangs', 3600, 8, () => 8),
  diurnal: load(
    'a day in two hours, 1 to 12 Erlangs',
    7200,
    12,
    t => 6.5 - 5.5 * Math.cos((2 * Math.PI * t) / 7200),
  ),
  ramp: load('1 to 13 Erlangs in 20 minutes, and down again in 5', 3600, 13, t => {
    if (t < 1200) return 1 + (12 * t) / 1200;
    if (t < 1500) return 13;
    return t < 1800 ? 13 - (12 * (t - 1500)) / 300 : 1;
  }),
  onoffS: onOff('14 Erlangs for 60 s every 4 minutes', 240, 60),
  onoffL: onOff('14 Erlangs for 120 s every 12 minutes', 720, 120),
  heavy: {
    about: 'batches every 20 s or so, of 23 to 1,000 seconds of work: Pareto, exponent 1.3',
    seconds: 3600,
    generate: heavyTailed,
  },
} as const satisfies Record<string, Trace>;

export type TraceName = keyof typeof traces;
export const traceNames = Object.keys(traces) as TraceName[];

/** @param service mean seconds of work for one message */
export function traceArrivals(name: TraceName, service: number, seed: number): Arrivals {
  const { seconds, generate } = traces[name];
  return { name, seconds, times: generate(generator(seed * 7919 + 17), service) };
}

/** @param rate messages a second */
export function steadyArrivals(rate: number, seconds: number, even: boolean, seed: number): Arrivals {
  const times = even
    ? Array.from({ length: Math.floor(rate * seconds) }, (_, i) => (i + 0.5) / rate)
    : poisson(generator(seed * 7919 + 17), seconds, rate, () => rate);
  return { name: `${rate}/s`, seconds, times };
}

/** A Poisson process of changing rate, by thinning one of the rate `highest`. */
function poisson(
  random: () => number,
  seconds: number,
  highest: number,
  rate: (t: number) => number,
): number[] {
  const times: number[] = [];
  for (let t = 0; ; ) {
    t += exponential(1 / highest, random());
    if (t >= seconds) return times;
    if (random() * highest < rate(t)) times.push(t);
  }
}

function heavyTailed(random: () => number, service: number): number[] {
  const seconds = 3600;
  const times: number[] = [];
  for (let t = exponential(20, random()); t < seconds; t += exponential(20, random())) {
    const size = Math.min(1000 / service, (23 / service) * (1 - random()) ** (-1 / 1.3));
    for (let i = 0; i < size; i++) {
      const time = t + 2 * random();
      if (time < seconds) times.push(time);
    }
  }
  return ascending(times);
}

function ascending(times: number[]): number[] {
  return times.sort((a, b) => a - b);
}
