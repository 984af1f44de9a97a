import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { cast, photoOf } from '../support/cast.ts';
import { post } from '../support/client.ts';
import { type Family, parseExposition } from '../support/exposition.ts';
import { alertRules, dashboardExpressions, seriesIn } from '../support/monitoring.ts';
import { groupPhoto } from '../support/photos.ts';
import { run, type System, startSystem } from '../support/system.ts';
import { temporaryDirectory, until } from '../support/temporary.ts';

const promtool = process.env.PROMTOOL ?? Bun.which('promtool');
const trace = '4bf92f3577b34da6a3ce929d0e0e4736';

interface Line {
  readonly event: string;
  readonly program: string;
  readonly [field: string]: unknown;
}

describe('a system that is watched', () => {
  const directory = join(temporaryDirectory(), 'data');
  let system: System;
  let answer: Response;
  let result: { id: string; trace: string; faces: unknown[]; timings: Record<string, number> };

  const lines = (): Line[] =>
    system
      .output()
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as Line);
  const urlOf = (program: string) =>
    lines().find(line => line.event === 'metrics-served' && line.program === program)?.url as
      | string
      | undefined;
  const scrape = async (program: 'web' | 'controller' | 'worker') => {
    const url = program === 'web' ? new URL('metrics', system.url) : urlOf(program)!;
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    return response.text();
  };
  const read = async (program: 'web' | 'controller' | 'worker') => parseExposition(await scrape(program));
  const value = (families: Map<string, Family>, name: string, labels: Record<string, string> = {}) =>
    families
      .get(name.replace(/_(sum|count)$/, ''))
      ?.samples.find(
        sample => sample.name === name && Object.entries(labels).every(([k, v]) => sample.labels[k] === v),
      )?.value;

  beforeAll(async () => {
    system = await startSystem(directory, { FACEREC_METRICS_PORT: '0', FACEREC_MAX_INSTANCES: '1' });
    answer = await post(new URL('?wait=60', system.url), {
      file: 'two-friends.jpg',
      bytes: await groupPhoto([cast.ada, cast.eve]),
      headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` },
    });
    result = (await answer.clone().json()) as typeof result;
    const torn = (await photoOf('ada')).subarray(0, 5_000);
    await post(new URL('?wait=60', system.url), { file: 'torn.jpg', bytes: torn });
    await until(() => lines().filter(({ event }) => event === 'answered').length === 2, 'both are answered');
  }, 120_000);
  afterAll(async () => {
    expect(await system.end()).toBe(0);
  });

  test('photos, faces and stages are counted where they are dealt with', async () => {
    const web = await read('web');
    const uploads = { method: 'POST', route: '/', status: '200' };
    expect(value(web, 'facerec_http_requests_total', uploads)).toBe(2);
    expect(value(web, 'facerec_stage_duration_seconds_count', { stage: 'upload' })).toBe(2);
    expect(value(web, 'facerec_queue_messages', { state: 'visible' })).toBe(0);
    expect(value(web, 'facerec_upload_size_bytes_sum')).toBeGreaterThan(5_000);

    const worker = await read('worker');
    expect(value(worker, 'facerec_requests_total', { outcome: 'done' })).toBe(1);
    expect(value(worker, 'facerec_requests_total', { outcome: 'failed' })).toBe(1);
    expect(value(worker, 'facerec_request_failures_total', { reason: 'corrupt-image' })).toBe(1);
    expect(value(worker, 'facerec_faces_total', { kind: 'found' })).toBe(result.faces.length);
    expect(value(worker, 'facerec_faces_total', { kind: 'unknown' })).toBe(2);
    for (const stage of ['download', 'decode', 'detect', 'landmarks', 'align', 'embed', 'match'])
      expect([stage, value(worker, 'facerec_stage_duration_seconds_count', { stage })]).toEqual([stage, 1]);
    for (const stage of ['queue_wait', 'store', 'total'])
      expect([stage, value(worker, 'facerec_stage_duration_seconds_count', { stage })]).toEqual([stage, 2]);
    const detect = value(worker, 'facerec_stage_duration_seconds_sum', { stage: 'detect' });
    expect(detect).toBeCloseTo(result.timings.detect! / 1000, 5);

    await until(async () => {
      const seen = await read('controller');
      return value(seen, 'facerec_fleet_instances', { state: 'running' }) === 1;
    }, 'the controller sees its worker');
    const controller = await read('controller');
    expect(value(controller, 'facerec_controller_acting')).toBe(1);
    expect(value(controller, 'facerec_fleet_desired_instances')).toBe(1);
    expect(value(controller, 'facerec_decision_instances_total', { kind: 'launch' })).toBe(1);
    expect(value(controller, 'facerec_decisions_total', { kind: 'launch' })).toBe(1);
    expect(value(controller, 'facerec_controller_round_seconds_count')).toBeGreaterThan(1);
    for (const [name, families] of Object.entries({ web, worker, controller })) {
      expect(value(families, 'facerec_build_info', { program: name })).toBe(1);
      expect(value(families, 'process_resident_memory_bytes')).toBeGreaterThan(20_000_000);
      expect(families.has('facerec_event_loop_lag_seconds')).toBe(true);
    }
  });

  test('no label holds an id, a file or a person, and none has many values', async () => {
    for (const program of ['web', 'controller', 'worker'] as const) {
      const text = await scrape(program);
      for (const secret of [result.id, trace, 'two-friends', 'torn', 'app-tier-instance'])
        expect(text).not.toContain(secret);
      for (const { name, type, samples } of parseExposition(text).values())
        expect([name, samples.length < (type === 'histogram' ? 1_000 : 100)]).toEqual([name, true]);
    }
  });

  test('addresses that do not exist add no label', async () => {
    const before = (await read('web')).get('facerec_http_requests_total')?.samples.length ?? 0;
    for (let i = 0; i < 20; i++) await fetch(new URL(`nothing/${crypto.randomUUID()}`, system.url));
    for (let i = 0; i < 20; i++) await fetch(new URL(`results/${Bun.randomUUIDv7()}`, system.url));
    const after = (await read('web')).get('facerec_http_requests_total')?.samples.length ?? 0;
    expect(after - before).toBeLessThanOrEqual(3);
  });

  test('dashboard and alerts ask for what there is', async () => {
    const families = await Promise.all((['web', 'controller', 'worker'] as const).map(read));
    const series = new Set(
      families.flatMap(family =>
        [...family.values()].flatMap(({ name, type }) =>
          type === 'histogram' ? ['_bucket', '_sum', '_count'].map(suffix => name + suffix) : [name],
        ),
      ),
    );
    const asked = [...dashboardExpressions(), ...(await alertRules()).map(({ expr }) => expr)].flatMap(
      seriesIn,
    );
    expect([...new Set(asked)].filter(name => !series.has(name))).toEqual([]);
    // And what there is, is shown.
    const ours = [...series].filter(
      name => name.startsWith('facerec_') && !/_(sum|count|bucket)$/.test(name),
    );
    expect(ours.filter(name => !asked.includes(name))).toEqual([]);
  });

  test.skipIf(!promtool)(
    'promtool (Debian: prometheus) has nothing to say about names and format',
    async () => {
      for (const program of ['web', 'controller', 'worker'] as const) {
        const child = Bun.spawn([promtool ?? '', 'check', 'metrics'], {
          stdin: new Blob([await scrape(program)]),
          stdout: 'pipe',
          stderr: 'pipe',
        });
        const said = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
        expect([program, said, await child.exited]).toEqual([program, '', 0]);
      }
    },
  );

  test('a trace goes from the client through the queue to worker, result and logs', async () => {
    const header = answer.headers.get('traceparent') ?? '';
    expect(header).toMatch(new RegExp(`^00-${trace}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
    expect(result.trace).toBe(trace);
    const later = await fetch(new URL(`results/${result.id}`, system.url));
    expect(((await later.json()) as typeof result).trace).toBe(trace);
    const traced = lines().filter(line => line.trace === trace);
    expect(traced.map(({ program, event }) => `${program} ${event}`).toSorted()).toEqual([
      'web queued',
      'web request',
      'worker answered',
    ]);
    expect(traced.filter(({ id }) => id === result.id)).toHaveLength(2);
  });

  test('without one, a trace is made for each request', async () => {
    const failed = lines().filter(line => line.event === 'answered' && line.status === 'failed');
    expect(failed).toHaveLength(1);
    expect(failed[0]?.trace).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
    expect(failed[0]?.trace).not.toBe(trace);
    expect(lines().filter(line => line.trace === failed[0]?.trace)).toHaveLength(3);
  });

  test('each line of the log is JSON with its time, and tells nothing of who is on a photo', () => {
    for (const line of lines())
      expect(line).toMatchObject({ time: expect.any(String), level: expect.any(String) });
    for (const secret of ['two-friends', 'torn.jpg', 'embedding', 'landmarks', 'similarity'])
      expect(system.output()).not.toContain(secret);
  });
});

test('with keys, figures are for those of scope metrics and admin', async () => {
  const directory = temporaryDirectory();
  const settings = { FACEREC_DATA: join(directory, 'data'), FACEREC_PORT: '0' };
  const keyFor = async (scope: string) => {
    const command = run('src/web.ts', settings, ['keys', 'create', '--name', scope, '--scope', scope]);
    expect(await command.child.exited).toBe(0);
    await command.end();
    return /facerec_[0-9a-f]{12}_\S+/.exec(command.output())?.[0] ?? '';
  };
  const scopes = ['metrics', 'admin', 'people', 'recognise'];
  const keys = await Promise.all(scopes.map(keyFor));
  const server = run('src/web.ts', settings);
  const [, url] = await server.said(/listens on (\S+)/);
  const status = async (path: string, key?: string) =>
    (await fetch(new URL(path, url), { headers: key === undefined ? {} : { 'x-api-key': key } })).status;
  expect(await status('metrics')).toBe(401);
  expect(await Promise.all(keys.map(key => status('metrics', key)))).toEqual([200, 200, 403, 403]);
  expect(await status('people', keys[0])).toBe(403);
  expect(await server.end()).toBe(0);
});
