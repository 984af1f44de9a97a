import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import type { Message } from '../../../src/ports.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { Suspects } from '../../../src/worker/suspects.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { wrapBlobs } from '../../support/wrap.ts';

const message = (id: string): Message => ({ id, body: '', receipt: id, receiveCount: 2, sentAt: 0 });
const [a, b, c] = [message('a'), message('b'), message('c')];

test('the one that a worker died with is tried last by the next', async () => {
  const output = await LocalBlobs.open(join(temporaryDirectory(), 'out'));
  void new Suspects(output, silentLog).alone(b, () => new Promise(() => {}));
  while (!(await output.get('trying/b'))) await Bun.sleep(1);
  const next = new Suspects(output, silentLog);
  expect(await next.inOrder([a, b, c])).toEqual([a, c, b]);
  await next.alone(b, async () => {});
  expect(await next.inOrder([a, b, c])).toEqual([a, b, c]);
  expect(await output.list('')).toEqual([]);
});

test('a store that fails costs the mark only', async () => {
  const output = await LocalBlobs.open(join(temporaryDirectory(), 'out'));
  const fail = () => Promise.reject(new Error('disk full'));
  const suspects = new Suspects(wrapBlobs(output, { put: fail, get: fail, delete: fail }), silentLog);
  let handled = 0;
  await suspects.alone(a, async () => {
    handled++;
  });
  expect(handled).toBe(1);
  expect(await suspects.inOrder([b, a])).toEqual([b, a]);
});
