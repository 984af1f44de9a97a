import { describe, expect, test } from 'bun:test';
import { ControllerMetrics } from '../../../src/controller/metrics.ts';
import type { Recognised } from '../../../src/core/results.ts';
import type { Policy, Snapshot } from '../../../src/core/scaling/types.ts';
import { Metrics } from '../../../src/runtime/metrics.ts';
import { serveMetrics } from '../../../src/runtime/metricsListener.ts';
import { watchProcess } from '../../../src/runtime/metricsProcess.ts';
import { WebMetrics } from '../../../src/web/metrics.ts';
import { WorkerMetrics } from '../../../src/worker/metrics.ts';
import { parseExposition } from '../../support/exposition.ts';
import { until } from '../../support/temporary.ts';
import { recordingLog } from '../adapters/recordingLog.ts';

async function value(metrics: Metrics, name: string, labels: Record<string, string> = {}) {
  const family = parseExposition(await metrics.text()).get(name.replace(/_(bucket|sum|count)$/, ''));
  const samples = family?.samples.filter(
    sample => sample.name === name && Object.entries(labels).every(([k, v]) => sample.labels[k] === v),
  );
  return samples?.length === 1 ? samples[0]!.value : samples?.map(sample => sample.value);
}

const depth = { visible: 3, inFlight: 2, delayed: 1, dead: 4 };

describe('the strict reader', () => {
  const good = '# HELP a_total A.\n# TYPE a_total counter\na_total{x="\\"\\\\\\n"} 1\n';
  test('reads escapes', () => {
    expect(parseExposition(good).get('a_total')?.samples[0]?.labels).toEqual({ x: '"\\\n' });
  });
  test.each([
    good.slice(0, -1),
    good + good,
    `${good}a_total{x="\\"\\\\\\n"} 1\n`,
    `${good}b 1\n`,
    good.replace(' 1\n', ' one\n'),
    good.replace('x=', 'x y='),
    good.replaceAll('a_total', 'a'),
    '# HELP h_seconds H.\n# TYPE h_seconds histogram\nh_seconds_bucket{le="1"} 2\nh_seconds_bucket{le="+Inf"} 1\nh_seconds_sum 1\nh_seconds_count 1\n',
    '# HELP h_seconds H.\n# TYPE h_seconds histogram\nh_seconds_bucket{le="1"} 1\nh_seconds_sum 1\nh_seconds_count 1\n',
  ])('refuses what is not right, %#', text => {
    expect(() => parseExposition(text)).toThrow();
  });
});

test('the process and the build', async () => {
  const metrics = new Metrics('worker');
  const end = watchProcess(metrics);
  const families = parseExposition(await metrics.text());
  end();
  expect(await value(metrics, 'facerec_build_info', { program: 'worker' })).toBe(1);
  expect(families.get('process_resident_memory_bytes')?.samples[0]?.value).toBeGreaterThan(10_000_000);
  expect(families.get('process_cpu_seconds_total')?.samples[0]?.value).toBeGreaterThan(0);
  expect(families.get('process_open_fds')?.samples[0]?.value).toBeGreaterThan(2);
  const started = families.get('process_start_time_seconds')?.samples[0]?.value ?? 0;
  expect(Math.abs(started - performance.timeOrigin / 1000)).toBeLessThan(1);
  expect(families.get('facerec_event_loop_lag_seconds')?.type).toBe('histogram');
});

test('a blocked event loop is seen', async () => {
  const metrics = new Metrics('worker');
  const end = watchProcess(metrics);
  const until = performance.now() + 900;
  while (performance.now() < until);
  await Bun.sleep(1);
  let sum = 0;
  for (let left = 200; left > 0 && sum < 0.3; left--) {
    await Bun.sleep(10);
    sum = (await value(metrics, 'facerec_event_loop_lag_seconds_sum')) as number;
  }
  end();
  expect(sum).toBeGreaterThan(0.3);
});

test('calls of AWS by outcome, and their retries', async () => {
  const metrics = new Metrics('web');
  const call = { service: 'sqs', operation: 'SendMessage' };
  metrics.awsCall({ ...call, outcome: 'ok', attempts: 1 });
  metrics.awsCall({ ...call, outcome: 'throttled', attempts: 5 });
  expect(await value(metrics, 'facerec_aws_calls_total', { ...call, outcome: 'ok' })).toBe(1);
  expect(await value(metrics, 'facerec_aws_calls_total', { ...call, outcome: 'throttled' })).toBe(1);
  expect(await value(metrics, 'facerec_aws_call_retries_total', call)).toBe(4);
});

describe('a worker', () => {
  const face = {
    box: [0, 0, 1, 1],
    score: 1,
    landmarks: [],
    quality: 9,
    similarity: 0.9,
    margin: null,
  } as const;
  const recognised = {
    ...{ id: 'i', file: 'secret.jpg', status: 'done', label: 'Ada', model: 'm', threshold: 0.4 },
    image: { width: 1, height: 1 },
    faces: [
      { ...face, label: 'Ada', person: 'ada' },
      { ...face, label: 'unknown' },
    ],
    timings: {
      download: 10,
      decode: 20,
      detect: 30,
      landmarks: 1,
      align: 1,
      embed: 40,
      match: 2,
      total: 110,
    },
  } as unknown as Recognised;

  test('counts photos, faces and stages, and names nobody', async () => {
    const metrics = new Metrics('worker');
    const counts = new WorkerMetrics(metrics);
    counts.received(1_500);
    counts.received(-3);
    counts.stored(recognised, 5, 1_700);
    counts.stored({ id: 'i', file: 'f', status: 'failed', reason: 'corrupt-image', detail: 'd' }, 5, 900);
    counts.ended('done');
    counts.ended('failed');
    expect(await value(metrics, 'facerec_faces_total', { kind: 'found' })).toBe(2);
    expect(await value(metrics, 'facerec_faces_total', { kind: 'named' })).toBe(1);
    expect(await value(metrics, 'facerec_faces_total', { kind: 'unknown' })).toBe(1);
    expect(await value(metrics, 'facerec_requests_total', { outcome: 'done' })).toBe(1);
    expect(await value(metrics, 'facerec_requests_total', { outcome: 'retried' })).toBe(0);
    expect(await value(metrics, 'facerec_request_failures_total', { reason: 'corrupt-image' })).toBe(1);
    const seconds = (stage: string) => value(metrics, 'facerec_stage_duration_seconds_sum', { stage });
    expect(await seconds('queue_wait')).toBe(1.5);
    expect(await seconds('download')).toBe(0.01);
    expect(await seconds('total')).toBeCloseTo(2.6);
    for (const stage of ['decode', 'detect', 'landmarks', 'align', 'embed', 'match', 'store'])
      expect(await seconds(stage)).toBeGreaterThan(0);
    const text = await metrics.text();
    for (const secret of ['Ada', 'ada', 'secret']) expect(text).not.toContain(secret);
  });
});

describe('a controller', () => {
  const policy: Policy = {
    ...{ min: 1, max: 9, launchBatch: 5, messagesPerInstance: 5 },
    ...{ idleSeconds: 300, minRuntimeSeconds: 300 },
  };
  const instance = {
    slot: 0,
    launchedAt: 0,
    reported: true,
    idleSince: null,
    silentMs: 0,
    startedAt: null,
    processed: 0,
    busyMs: 0,
  };
  const snapshot: Snapshot = {
    depth,
    instances: [
      { ...instance, id: 'a', state: 'running' },
      { ...instance, id: 'b', state: 'running', silentMs: 10_000_000 },
      { ...instance, id: 'c', state: 'pending', reported: false },
      { ...instance, id: 'd', state: 'draining', silentMs: 10_000_000 },
    ],
    closedSlots: [],
    unheard: [],
  };
  const nothing = { desired: 4, launch: [], drain: [], terminate: [], reasons: [] };

  test('tells queue, fleet and decisions, and nothing old while it stands by', async () => {
    const metrics = new Metrics('controller');
    const counts = new ControllerMetrics(metrics, ['decide']);
    counts.part(true);
    counts.round({ snapshot, decision: nothing }, policy, 20);
    counts.round({ snapshot, decision: { ...nothing, launch: [4, 5], terminate: ['x'] } }, policy, 20);
    counts.failed('decide');
    for (const [state, messages] of Object.entries({ visible: 3, in_flight: 2, delayed: 1, dead: 4 }))
      expect(await value(metrics, 'facerec_queue_messages', { state })).toBe(messages);
    for (const [state, instances] of Object.entries({ pending: 1, running: 1, draining: 1, silent: 1 }))
      expect(await value(metrics, 'facerec_fleet_instances', { state })).toBe(instances);
    for (const [kind, decisions] of Object.entries({ launch: 1, drain: 0, terminate: 1, hold: 1 }))
      expect(await value(metrics, 'facerec_decisions_total', { kind })).toBe(decisions);
    expect(await value(metrics, 'facerec_decision_instances_total', { kind: 'launch' })).toBe(2);
    expect(await value(metrics, 'facerec_fleet_desired_instances')).toBe(4);
    expect(await value(metrics, 'facerec_fleet_limit_instances', { limit: 'max' })).toBe(9);
    expect(await value(metrics, 'facerec_controller_task_errors_total', { task: 'decide' })).toBe(1);
    expect(await value(metrics, 'facerec_controller_acting')).toBe(1);
    counts.part(false);
    expect(await value(metrics, 'facerec_controller_acting')).toBe(0);
    expect(await value(metrics, 'facerec_queue_messages')).toEqual([]);
    expect(await value(metrics, 'facerec_fleet_instances')).toEqual([]);
  });
});

describe('a web server', () => {
  test('counts by route and outcome; strange methods are one label', async () => {
    const metrics = new Metrics('web');
    const counts = new WebMetrics({ metrics, requests: { depth: async () => depth }, waiting: () => 7 });
    counts.request('GET', '/people/:id', 404, 12);
    counts.request('BREW', '/*', 405, 1);
    counts.request('STEEP', '/*', 405, 1);
    counts.uploaded(50_000, 30);
    const route = '/people/:id';
    expect(await value(metrics, 'facerec_http_requests_total', { method: 'GET', route, status: '404' })).toBe(
      1,
    );
    expect(await value(metrics, 'facerec_http_requests_total', { method: 'other' })).toBe(2);
    expect(await value(metrics, 'facerec_http_request_duration_seconds_sum', { route })).toBe(0.012);
    expect(await value(metrics, 'facerec_upload_size_bytes_sum')).toBe(50_000);
    expect(await value(metrics, 'facerec_stage_duration_seconds_sum', { stage: 'upload' })).toBe(0.03);
    expect(await value(metrics, 'facerec_queue_messages', { state: 'dead' })).toBe(4);
    expect(await value(metrics, 'facerec_waiting_clients')).toBe(7);
  });

  test('a queue that does not answer costs its own figures only', async () => {
    let answer = async () => depth;
    const metrics = new Metrics('web');
    new WebMetrics({
      ...{ metrics, waiting: () => 0, requests: { depth: () => answer() } },
      setTimer: run => {
        queueMicrotask(() => setTimeout(run, 0));
        return () => {};
      },
    });
    expect(await value(metrics, 'facerec_queue_messages', { state: 'visible' })).toBe(3);
    answer = async () => Promise.reject(new Error('no'));
    expect(await value(metrics, 'facerec_queue_messages')).toEqual([]);
    answer = () => new Promise(() => {});
    expect(await value(metrics, 'facerec_queue_messages')).toEqual([]);
    expect(await value(metrics, 'facerec_waiting_clients')).toBe(0);
  });
});

describe('the listener', () => {
  test('serves /metrics alone, and takes a port over when it becomes free', async () => {
    const blocker = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('blocked') });
    const log = recordingLog();
    const stop = new AbortController();
    const { port = 0 } = blocker;
    const serving = serveMetrics(new Metrics('worker'), {
      host: '127.0.0.1',
      port,
      log,
      signal: stop.signal,
    });
    await until(() => log.entries.some(({ event }) => event === 'metrics-not-served'), 'told');
    await blocker.stop(true);
    await until(() => log.entries.some(({ event }) => event === 'metrics-served'), 'served');
    const at = new URL(String(log.entries.at(-1)?.url));
    const answer = await fetch(at);
    expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(parseExposition(await answer.text()).has('facerec_build_info')).toBe(true);
    expect((await fetch(new URL('/', at))).status).toBe(404);
    expect((await fetch(at, { method: 'POST' })).status).toBe(405);
    expect((await fetch(at, { method: 'HEAD' })).status).toBe(200);
    stop.abort();
    await serving;
    expect(fetch(at)).rejects.toThrow();
    expect(log.entries.map(({ event }) => event)).toEqual(['metrics-not-served', 'metrics-served']);
  });
});
