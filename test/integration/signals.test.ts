import { expect, test } from 'bun:test';
import { join } from 'node:path';
import type { Request } from '../../src/core/messages.ts';
import { endlessPhoto, harmlessPhoto, writeEndlessModels } from '../support/endlessModel.ts';
import { blank } from '../support/photos.ts';
import { Requests } from '../support/requests.ts';
import { run } from '../support/system.ts';
import { temporaryDirectory, until } from '../support/temporary.ts';

test('SIGTERM: what is in hand is finished or given back at once, and nothing is lost', async () => {
  const settings = { FACEREC_DATA: join(temporaryDirectory(), 'data') };
  const requests = await Requests.open(settings);
  const photo = await blank(2000, 1500);
  const sent: Request[] = [];
  for (let i = 0; i < 60; i++) sent.push(await requests.send(photo));
  const worker = run('src/worker.ts', settings);
  await until(async () => (await requests.answered(sent)) > 2, 'the first answers', 120_000);
  expect(await worker.end()).toBe(0);
  const answered = await requests.answered(sent);
  expect(answered).toBeLessThan(sent.length);
  expect(await requests.services.requests.depth()).toEqual({
    visible: sent.length - answered,
    inFlight: 0,
    delayed: 0,
    dead: 0,
  });
  await requests.services.close();
}, 300_000);

test('a second SIGTERM ends a worker whose engine hangs, and its photos go to the next one', async () => {
  const models = join(temporaryDirectory(), 'models');
  await writeEndlessModels(models);
  const settings = { FACEREC_DATA: join(temporaryDirectory(), 'data'), FACEREC_VISIBILITY_SECONDS: '2' };
  const requests = await Requests.open(settings);
  const worker = run('src/worker.ts', { ...settings, FACEREC_MODELS: models });
  const sent = [await requests.send(await endlessPhoto())];
  await until(async () => (await requests.services.requests.depth()).inFlight === 1, 'a photo in hand');
  sent.push(await requests.send(await harmlessPhoto()));
  await until(async () => (await requests.services.requests.depth()).inFlight === 2, 'both in hand');
  worker.child.kill('SIGTERM');
  await worker.said(/"event":"draining"/);
  // What comes within 100 ms of the first is taken for its echo.
  await Bun.sleep(300);
  expect(worker.child.exitCode).toBeNull();
  expect(await requests.answered(sent)).toBe(0);
  const asked = performance.now();
  expect(await worker.end()).toBe(143);
  expect(performance.now() - asked).toBeLessThan(20_000);

  const next = run('src/worker.ts', settings);
  await until(async () => (await requests.answered(sent)) === sent.length, 'all answers', 120_000);
  expect(await next.end()).toBe(0);
  expect(await requests.services.requests.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 0 });
  await requests.services.close();
}, 300_000);
