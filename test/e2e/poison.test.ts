import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { openServices } from '../../src/adapters/choose.ts';
import { readConfig } from '../../src/config.ts';
import { encodeMessage, inputKey, type Request, resultKey } from '../../src/core/messages.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { photoOf } from '../support/cast.ts';
import { blank } from '../support/photos.ts';
import { run } from '../support/system.ts';
import { temporaryDirectory, until } from '../support/temporary.ts';

const root = join(import.meta.dir, '..', '..');

test('one photo that kills every worker becomes a dead letter; those in the same hands are answered', async () => {
  const settings = {
    FACEREC_DATA: join(temporaryDirectory(), 'data'),
    FACEREC_VISIBILITY_SECONDS: '2',
    FACEREC_MIN_INSTANCES: '1',
    FACEREC_MAX_INSTANCES: '1',
    FACEREC_WORKER_COMMAND: `${process.execPath} --preload ${root}/test/support/deadlyPhoto.ts ${root}/src/worker.ts`,
  };
  const services = await openServices(readConfig(settings), silentLog);
  const [deadly, good] = [await blank(7, 7), await photoOf('ada')];
  const send = async (photo: Uint8Array): Promise<Request> => {
    const request: Request = { v: 1, kind: 'recognise', id: Bun.randomUUIDv7(), file: 'photo.png' };
    await services.input.put(inputKey(request), photo);
    await services.requests.send(encodeMessage(request));
    return request;
  };
  const poison = await send(deadly);
  const innocent: Request[] = [];
  for (let i = 0; i < 9; i++) innocent.push(await send(good));
  const answer = async (request: Request) => {
    const stored = await services.output.get(resultKey(request));
    return stored && JSON.parse(new TextDecoder().decode(stored.body));
  };

  const controller = run('src/controller.ts', settings);
  await until(async () => (await answer(poison)) !== undefined, 'the poison is answered', 240_000);
  expect(await answer(poison)).toMatchObject({ status: 'failed', reason: 'too-many-attempts' });
  for (const request of innocent) expect(await answer(request)).toMatchObject({ status: 'done' });
  expect(await services.requests.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 1 });
  expect(await controller.end()).toBe(0);
  await services.close();
}, 300_000);
