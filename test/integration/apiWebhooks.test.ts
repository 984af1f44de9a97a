import { expect, test } from 'bun:test';
import { verifyWebhook, type WebhookEvent } from '../../src/client/webhooks.ts';
import { photoOf } from '../support/cast.ts';
import { post } from '../support/client.ts';
import { freePort, startSystem } from '../support/system.ts';
import { temporaryDirectory, until } from '../support/temporary.ts';

test('a webhook is told of a result that was there before a crash, once its receiver is back', async () => {
  const directory = temporaryDirectory();
  const settings = { FACEREC_WEBHOOK_PRIVATE: 'on' };
  const port = freePort();
  const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;

  const first = await startSystem(directory, settings);
  const hook = { method: 'PUT', body: JSON.stringify({ url: `http://127.0.0.1:${port}/hook`, secret }) };
  expect((await fetch(new URL('webhooks/door', first.url), hook)).status).toBe(201);
  const upload = { file: 'ada.jpg', bytes: await photoOf('ada') };
  expect((await post(new URL('?wait=60', first.url), upload)).status).toBe(200);
  await first.said(/"event":"webhook-failed"/);
  await first.end('SIGKILL');

  const told: WebhookEvent[] = [];
  const receiver = Bun.serve({
    port,
    hostname: '127.0.0.1',
    fetch: async request => {
      told.push(await verifyWebhook({ secret, headers: request.headers, body: await request.text() }));
      return new Response();
    },
  });
  const second = await startSystem(directory, settings);
  await until(() => told.length > 0, 'the webhook is told', 120_000);
  expect(told[0]).toMatchObject({ type: 'result.recognised', data: { file: 'ada.jpg', status: 'done' } });

  const since = new Date(Date.now() - 3_600_000).toISOString();
  const replay = new URL(`webhooks/door/replay?since=${since}`, second.url);
  expect(await (await fetch(replay, { method: 'POST' })).json()).toEqual({ queued: 1 });
  await until(() => told.length > 1, 'the webhook is told again', 120_000);
  expect(told.at(-1)).toMatchObject({ data: { id: told[0]?.data.id } });
  expect(await second.end()).toBe(0);
  await receiver.stop(true);
});
