import type { Queue } from '../ports.ts';
import { Metrics, queueGauge, SECONDS, setDepth, stageHistogram } from '../runtime/metrics.ts';
import { Counter, Gauge, Histogram } from '../runtime/metricsText.ts';
import { type SetTimer, setTimer, within } from '../runtime/time.ts';

export interface WebMetricsOptions {
  readonly metrics?: Metrics;
  /** Its depth is asked for at each scrape. */
  readonly requests: Pick<Queue, 'depth'>;
  /** How many clients wait for results. */
  readonly waiting: () => number;
  readonly setTimer?: SetTimer;
}

/** Scrapers give up after ten seconds, and the rest is worth having without the queue. */
const DEPTH_MS = 5_000;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'];

/** Counts requests and uploads by route and outcome; nothing of what is in them. */
export class WebMetrics {
  readonly #metrics: Metrics;
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #durations: Histogram<'method' | 'route'>;
  readonly #stage: ReturnType<typeof stageHistogram>;
  readonly #sizes: Histogram;

  constructor({
    metrics = new Metrics('web'),
    requests,
    waiting,
    setTimer: timer = setTimer,
  }: WebMetricsOptions) {
    this.#metrics = metrics;
    const { registry } = metrics;
    this.#requests = new Counter({
      name: 'facerec_http_requests_total',
      help: 'HTTP requests answered; 499 where the client had gone.',
      labelNames: ['method', 'route', 'status'],
      registry,
    });
    this.#durations = new Histogram({
      name: 'facerec_http_request_duration_seconds',
      help: 'HTTP requests until their answer; those that wait for a result take as long as they wait.',
      labelNames: ['method', 'route'],
      buckets: SECONDS,
      registry,
    });
    this.#stage = stageHistogram(metrics);
    this.#sizes = new Histogram({
      name: 'facerec_upload_size_bytes',
      help: 'Photos taken.',
      buckets: [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000],
      registry,
    });
    new Gauge({
      name: 'facerec_waiting_clients',
      help: 'Requests held open until their result is there.',
      registry,
      collect: gauge => gauge.set(waiting()),
    });
    const queue = queueGauge(metrics, async () => {
      try {
        setDepth(queue, await within(DEPTH_MS, () => requests.depth(), timer));
      } catch {
        // Unknown is not what it was.
        queue.clear();
      }
    });
  }

  /** @param route as it is declared, never a path */
  request(method: string, route: string, status: number, ms: number): void {
    const known = METHODS.includes(method) ? method : 'other';
    this.#requests.add(1, { method: known, route, status: String(status) });
    this.#durations.observe(Math.max(0, ms) / 1000, { method: known, route });
  }

  /** A photo that is stored and queued. */
  uploaded(bytes: number, ms: number): void {
    this.#sizes.observe(bytes);
    this.#stage.observe(Math.max(0, ms) / 1000, { stage: 'upload' });
  }

  /** `GET /metrics`. */
  routes() {
    const headers = { 'content-type': this.#metrics.contentType };
    return { '/metrics': { GET: async () => new Response(await this.#metrics.text(), { headers }) } };
  }
}
