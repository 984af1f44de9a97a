import { expect, test } from 'bun:test';
import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { LocalLease } from '../../../src/adapters/local/lease.ts';
import { Damaged } from '../../../src/core/errors.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

test('a damaged file is told of once and hides nothing but itself', async () => {
  const directory = temporaryDirectory();
  const told: string[] = [];
  const blobs = await LocalBlobs.open(directory, { onDamaged: file => told.push(file) });
  for (const key of ['a/1', 'a/2', 'a/3']) await blobs.put(key, new Uint8Array(100));
  const [first] = readdirSync(join(directory, 's-a'));
  truncateSync(join(directory, 's-a', first!), 0);
  expect(await blobs.list('a/')).toHaveLength(2);
  expect(await blobs.list('')).toHaveLength(2);
  expect(told).toHaveLength(1);
  const outcomes = await Promise.allSettled(['a/1', 'a/2', 'a/3'].map(key => blobs.get(key)));
  const failures = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? outcome.reason : []));
  expect(failures).toHaveLength(1);
  expect(failures[0]).toBeInstanceOf(Damaged);
});

test('one lease at a time; letting go hands it over', async () => {
  const file = join(temporaryDirectory(), 'lock');
  const [first, second] = [new LocalLease(file), new LocalLease(file)];
  expect(await first.mayAct()).toBe(true);
  expect(await second.mayAct()).toBe(false);
  expect(await first.mayAct()).toBe(true);
  await first.release();
  expect(await second.mayAct()).toBe(true);
  await second.release();
});
