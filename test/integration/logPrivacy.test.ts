import { expect, test } from 'bun:test';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { photoOf } from '../support/cast.ts';
import { post } from '../support/client.ts';
import { groupPhoto } from '../support/photos.ts';
import { run, startSystem } from '../support/system.ts';
import { temporaryDirectory, until } from '../support/temporary.ts';
import { zip } from '../unit/web/zip.ts';

/** Every file and every person is called something with this in it, and nothing else is. */
const MARK = 'Zebedee';
/** What a result tells of a face. */
const BIOMETRIC = /embedding|landmarks|similarity|margin|"box"|"quality"/;

test('logs at their most talkative hold no names of files or people, and nothing of faces', async () => {
  const directory = temporaryDirectory();
  const received: string[] = [];
  const receiver = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      received.push(await request.text());
      return new Response(`sorry, ${MARK}`, { status: received.length <= 4 ? 500 : 200 });
    },
  });
  const settings = {
    ...{ FACEREC_LOG_LEVEL: 'debug', FACEREC_WEBHOOK_PRIVATE: 'on', FACEREC_MAX_INSTANCES: '1' },
    ...{ FACEREC_METRICS_PORT: '0' },
  };
  const system = await startSystem(directory, settings);
  const ask = async (path: string, init: RequestInit = {}) => fetch(new URL(path, system.url), init);
  const json = (method: string, body: object) => ({
    method,
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  const send = async (path: string, name: string, bytes: Uint8Array) =>
    post(new URL(path, system.url), { file: `${MARK} ${name}.jpg`, bytes });
  const [ada, ben, cleo] = await Promise.all((['ada', 'ben', 'cleo'] as const).map(photoOf));

  await ask('webhooks/door', json('PUT', { url: `${receiver.url.href}${MARK}` }));
  for (const [id, photo] of [
    ['p1', ada!],
    ['p2', ben!],
    ['p3', cleo!],
  ] as const) {
    expect((await ask(`people/${id}`, json('PUT', { name: `${MARK} ${id}` }))).status).toBe(201);
    expect((await send(`people/${id}/faces?wait=60`, id, photo)).status).toBe(201);
  }
  // Two faces, none, no image, a torn one; one that is named.
  expect(
    (await send('people/p1/faces?wait=60', 'two', await groupPhoto(['avatar', 'avatar-2']))).status,
  ).toBe(422);
  expect((await send('people/nobody/faces?wait=60', 'nobody', ada!)).status).toBe(404);
  expect((await send('?wait=60', 'text', Buffer.from(`no image, ${MARK}`))).status).toBe(415);
  expect(await (await send('?wait=60', 'torn', ada!.subarray(0, 5_000))).json()).toMatchObject({
    status: 'failed',
  });
  const named = (await (await send('?wait=60', 'again', ada!)).json()) as { id: string; label: string };
  expect(named.label).toBe(`${MARK} p1`);
  const body = new FormData();
  body.append('inputFile', new File([ben!], `${MARK}.jpg`));
  body.append('inputFile', new File([zip([{ name: `${MARK}/in.jpg`, content: cleo! }])], `${MARK}.zip`));
  body.append('inputFile', new File(['nothing'], `${MARK}.txt`));
  const batch = (await (await ask('batch', { method: 'POST', body })).json()) as { files: { id?: string }[] };
  const ids = batch.files.flatMap(({ id }) => id ?? []);
  expect(ids).toHaveLength(2);
  for (const id of ids) expect((await ask(`results/${id}?wait=60`)).status).toBe(200);
  const form = new FormData();
  form.append('file', new File([ada!], `${MARK}.jpg`));
  expect((await ask('api/v1/recognition/recognize', { method: 'POST', body: form })).status).toBe(200);
  expect(
    (await ask(`api/v1/recognition/subjects/${MARK}%20nobody`, { method: 'DELETE' })).status,
  ).toBeLessThan(500);
  await ask(`results?person=${MARK}`);
  await ask(`${MARK}?${MARK}=${MARK}`, { headers: { 'user-agent': MARK, cookie: MARK, 'x-api-key': MARK } });
  await ask(`results/${MARK}`);
  // A folder of somebody, twice; merged, renamed and deleted.
  const folder = join(directory, 'import', `${MARK} Import`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${MARK}.jpg`), cleo!);
  await writeFile(join(folder, `${MARK} torn.jpg`), cleo!.subarray(0, 4_000));
  const importing = run('src/web.ts', settings, [
    'import',
    join(directory, 'import'),
    '--server',
    system.url.href,
  ]);
  await importing.child.exited;
  expect((await ask('people/p1/merge', json('POST', { from: 'p2' }))).status).toBe(200);
  expect((await ask('people/p3', json('PUT', { name: `${MARK} renamed` }))).status).toBe(200);
  const deletedAt = Date.now();
  for (const id of ['p1', 'p3']) expect((await ask(`people/${id}`, { method: 'DELETE' })).status).toBe(204);
  await system.said(/"event":"webhook-failed"/);
  // Results still name them for a minute, but no webhook is told.
  const toldAgain = async () => {
    const before = received.length;
    const since = new Date(Date.now() - 3_600_000).toISOString();
    await ask(`webhooks/door/replay?since=${since}`, { method: 'POST' });
    const mine = () => received.slice(before).find(text => text.includes(named.id));
    await until(() => mine() !== undefined, 'the webhook is told', 120_000);
    return mine()!;
  };
  await until(async () => !(await toldAgain()).includes('"p1"'), 'nobody is told of who is gone', 40_000);
  const left = await ask(`results/${named.id}`);
  if (Date.now() < deletedAt + 60_000) expect(await left.text()).toContain('"p1"');
  expect(await system.end()).toBe(0);
  await receiver.stop(true);

  const log = system.output();
  const lines = log.split('\n').filter(line => line.startsWith('{'));
  for (const event of ['"queued"', '"answered"', '"audit"', '"webhook-failed"', '"metrics-served"'])
    expect(lines.some(line => line.includes(`"event":${event}`))).toBe(true);
  expect(lines.filter(line => line.includes(MARK) || line.includes(encodeURIComponent(MARK)))).toEqual([]);
  expect(lines.filter(line => BIOMETRIC.test(line))).toEqual([]);
  expect(log).not.toContain(MARK);
}, 300_000);
