import { readdir } from 'node:fs/promises';
import type { Metrics } from './metrics.ts';
import { Counter, Gauge, Histogram } from './metricsText.ts';

const TICK_MS = 500;

/**
 * Adds what is known of the process itself, under the names that Prometheus' client libraries share, and how late its
 * event loop is. Returns what ends the watch.
 */
export function watchProcess({ registry }: Metrics): () => void {
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes.',
    registry,
    collect: gauge => gauge.set(process.memoryUsage.rss()),
  });
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Total user and system CPU time spent in seconds.',
    registry,
    collect(counter) {
      const { user, system } = process.cpuUsage();
      counter.count((user + system) / 1_000_000);
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start time of the process since the epoch in seconds.',
    registry,
  }).set(performance.timeOrigin / 1000);
  new Gauge({
    name: 'process_open_fds',
    help: 'Number of open file descriptors.',
    registry,
    async collect(gauge) {
      // Some sandboxes hide it.
      const files = await readdir('/proc/self/fd').catch(() => undefined);
      gauge.set(files?.length ?? Number.NaN);
    },
  });
  const lag = new Histogram({
    name: 'facerec_event_loop_lag_seconds',
    help: 'How late a timer of half a second comes.',
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registry,
  });
  let due = performance.now() + TICK_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    lag.observe(Math.max(0, now - due) / 1000);
    due = now + TICK_MS;
  }, TICK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
