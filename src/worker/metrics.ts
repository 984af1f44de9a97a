import { reasons } from '../core/errors.ts';
import type { Result } from '../core/results.ts';
import { type Metrics, type Stage, stageHistogram } from '../runtime/metrics.ts';
import { Counter } from '../runtime/metricsText.ts';
import { type Outcome, outcomes } from './pipeline.ts';

const stages: ReadonlySet<string> = new Set<Stage>([
  'download',
  'decode',
  'detect',
  'landmarks',
  'align',
  'embed',
  'match',
]);

/** Counts photos and faces; never who is on them. */
export class WorkerMetrics {
  readonly #stage: ReturnType<typeof stageHistogram>;
  readonly #messages: Counter<'outcome'>;
  readonly #failures: Counter<'reason'>;
  readonly #faces: Counter<'kind'>;
  readonly #enrolled: Counter;

  constructor(metrics: Metrics) {
    const { registry } = metrics;
    this.#stage = stageHistogram(metrics);
    this.#messages = new Counter({
      name: 'facerec_requests_total',
      help: 'What became of the messages received: done, failed, retried, released (given back), refused (not understood).',
      labelNames: ['outcome'],
      registry,
    });
    this.#failures = new Counter({
      name: 'facerec_request_failures_total',
      help: 'Failed results stored, by reason.',
      labelNames: ['reason'],
      registry,
    });
    this.#faces = new Counter({
      name: 'facerec_faces_total',
      help: 'Faces in recognised photos: found is the sum of named and unknown.',
      labelNames: ['kind'],
      registry,
    });
    this.#enrolled = new Counter({
      name: 'facerec_faces_enrolled_total',
      help: 'Faces enrolled.',
      registry,
    });
    // From zero on, so that the first of a kind is seen as a rise.
    for (const outcome of outcomes) this.#messages.add(0, { outcome });
    for (const reason of reasons) this.#failures.add(0, { reason });
    for (const kind of ['found', 'named', 'unknown']) this.#faces.add(0, { kind });
  }

  /** ms; the queue's clock may be ahead of ours. */
  received(waitedMs: number): void {
    this.#observe('queue_wait', waitedMs);
  }

  /**
   * @param storeMs how long it took to store the result
   * @param totalMs since the request was queued
   */
  stored(result: Result, storeMs: number, totalMs: number): void {
    this.#observe('store', storeMs);
    this.#observe('total', totalMs);
    if (result.status === 'failed') {
      this.#failures.add(1, { reason: result.reason });
      return;
    }
    for (const [stage, ms] of Object.entries(result.timings))
      if (stages.has(stage)) this.#observe(stage as Stage, ms);
    if (!('faces' in result)) {
      this.#enrolled.add(1);
      return;
    }
    const named = result.faces.filter(face => face.person !== undefined).length;
    this.#faces.add(result.faces.length, { kind: 'found' });
    this.#faces.add(named, { kind: 'named' });
    this.#faces.add(result.faces.length - named, { kind: 'unknown' });
  }

  ended(outcome: Outcome): void {
    this.#messages.add(1, { outcome });
  }

  #observe(stage: Stage, ms: number): void {
    this.#stage.observe(Math.max(0, ms) / 1000, { stage });
  }
}
