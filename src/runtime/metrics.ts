import type { Program } from '../variables.ts';
import { Counter, Gauge, Histogram, Registry } from './metricsText.ts';
import { COMMIT, VERSION } from './version.ts';

/** What a program tells Prometheus, in its text format 0.0.4. */
export class Metrics {
  readonly registry = new Registry();
  readonly #awsCalls: Counter<'service' | 'operation' | 'outcome'>;
  readonly #awsRetries: Counter<'service' | 'operation'>;

  constructor(program: Program) {
    const { registry } = this;
    const build = new Gauge({
      name: 'facerec_build_info',
      help: 'Which program this is; always 1.',
      labelNames: ['program', 'version', 'commit'],
      registry,
    });
    build.set(1, { program, version: VERSION, commit: COMMIT ?? '' });
    this.#awsCalls = new Counter({
      name: 'facerec_aws_calls_total',
      help: 'Calls of AWS that have ended, with all their attempts: ok, refused (4xx), throttled, failed (5xx), unanswered.',
      labelNames: ['service', 'operation', 'outcome'],
      registry,
    });
    this.#awsRetries = new Counter({
      name: 'facerec_aws_call_retries_total',
      help: 'Attempts of AWS calls after the first.',
      labelNames: ['service', 'operation'],
      registry,
    });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  text(): Promise<string> {
    return this.registry.text();
  }

  /** A call that has ended. */
  readonly awsCall = ({ service, operation, outcome, attempts }: AwsCall): void => {
    this.#awsCalls.add(1, { service, operation, outcome });
    if (attempts > 1) this.#awsRetries.add(attempts - 1, { service, operation });
  };
}

export interface AwsCall {
  /** Such as `sqs`. */
  readonly service: string;
  /** Such as `SendMessage`. */
  readonly operation: string;
  readonly outcome: 'ok' | 'refused' | 'throttled' | 'failed' | 'unanswered';
  readonly attempts: number;
}

/** Seconds; from a cached read to a long time in the queue. */
export const SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900,
];

export type Stage =
  | 'upload'
  | 'queue_wait'
  | 'download'
  | 'decode'
  | 'detect'
  | 'landmarks'
  | 'align'
  | 'embed'
  | 'match'
  | 'store'
  | 'total';

/** How long the stages of a photo take; the web server observes the first, workers the others. */
export function stageHistogram({ registry }: Metrics): Histogram<'stage'> {
  return new Histogram({
    name: 'facerec_stage_duration_seconds',
    help: 'Stages of a photo: upload (stored and queued), queue_wait, the worker’s own, total (queued to stored result).',
    labelNames: ['stage'],
    buckets: SECONDS,
    registry,
  });
}

export type QueueState = 'visible' | 'in_flight' | 'delayed' | 'dead';

export function queueGauge({ registry }: Metrics, collect?: () => Promise<void>): Gauge<'state'> {
  return new Gauge({
    name: 'facerec_queue_messages',
    help: 'Messages of the request queue, and in its dead-letter queue (dead); approximate on SQS.',
    labelNames: ['state'],
    registry,
    ...(collect && { collect }),
  });
}

export function setDepth(
  gauge: Gauge<'state'>,
  depth: {
    readonly visible: number;
    readonly inFlight: number;
    readonly delayed: number;
    readonly dead: number;
  },
): void {
  const states: Readonly<Record<QueueState, number>> = {
    visible: depth.visible,
    in_flight: depth.inFlight,
    delayed: depth.delayed,
    dead: depth.dead,
  };
  for (const [state, messages] of Object.entries(states)) gauge.set(messages, { state });
}
