import { expect, test } from 'bun:test';
import { encodeMessage, inputKey } from '../../../src/core/messages.ts';
import { failed, jpeg, problem, queued, rig } from './support.ts';

const request = (file: string) => ({ v: 1, kind: 'recognise', id: Bun.randomUUIDv7(), file }) as const;
const post = { method: 'POST' };

async function withLetters() {
  const world = rig();
  const [there, gone] = [request('there.jpg'), request('gone.jpg')];
  await world.input.put(inputKey(there), jpeg);
  await world.complete(failed(gone));
  for (const body of [encodeMessage(there), encodeMessage(gone), 'no request'])
    await world.deadLetters.send(body);
  const letters = async () => {
    const answer = (await (await world.app.request('/dead-letters')).json()) as { letters: object[] };
    return answer.letters;
  };
  return { ...world, there, gone, letters };
}

test('they are listed with reason and photo, and stay where they are', async () => {
  const { letters, there, gone, deadLetters } = await withLetters();
  for (let i = 0; i < 2; i++) {
    const listed = await letters();
    expect(listed).toHaveLength(3);
    expect(listed).toContainEqual(
      expect.objectContaining({ id: there.id, file: 'there.jpg', kind: 'recognise', photo: true }),
    );
    expect(listed).toContainEqual(
      expect.objectContaining({ id: gone.id, photo: false, reason: 'no-face', detail: 'There is no face.' }),
    );
    expect(listed).toContainEqual(expect.objectContaining({ photo: false, reason: 'unknown-request' }));
  }
  expect(await deadLetters.depth()).toMatchObject({ visible: 3, inFlight: 0 });
});

test('one is sent round again as it was, and leaves the dead letters', async () => {
  const { app, there, requests, deadLetters, work, letters } = await withLetters();
  const answer = await app.request(`/dead-letters/${there.id}/redrive`, post);
  expect(await queued(answer)).toMatchObject({ id: there.id });
  expect(requests.bodies).toEqual([encodeMessage(there)]);
  expect(await letters()).toHaveLength(2);
  expect(await deadLetters.depth()).toMatchObject({ visible: 2, inFlight: 0 });
  await work();
  expect(await (await app.request(`/results/${there.id}`)).json()).toMatchObject({ status: 'done' });
});

test('without its photo, or when it is not there, nothing happens', async () => {
  const { app, gone, requests, letters } = await withLetters();
  const redrive = (id: string) => app.request(`/dead-letters/${id}/redrive`, post);
  expect(await problem(await redrive(gone.id))).toBe('410 photo-gone');
  expect(await problem(await redrive(Bun.randomUUIDv7()))).toBe('404 unknown-dead-letter');
  expect(requests.bodies).toEqual([]);
  expect(await letters()).toHaveLength(3);
});

test('a letter whose sending fails stays', async () => {
  const { app, there, requests, letters } = await withLetters();
  requests.fail = Object.assign(new Error('full'), { code: 'ENOSPC' });
  const answer = await app.request(`/dead-letters/${there.id}/redrive`, post);
  expect(await problem(answer)).toBe('503 storage-unavailable');
  requests.fail = undefined;
  expect(await letters()).toHaveLength(3);
});

test('two who look at once see the same', async () => {
  const { letters } = await withLetters();
  const [one, other] = await Promise.all([letters(), letters()]);
  expect(one).toEqual(other);
  expect(one).toHaveLength(3);
});

test('they are for the operator', async () => {
  const { app, access, there } = await withLetters();
  const { token } = await access.keyring.create({ name: 'x', scopes: ['recognise', 'people'] });
  const headers = { authorization: `Bearer ${token}` };
  expect(await problem(await app.request('/dead-letters', { headers }))).toBe('403 forbidden');
  const redrive = await app.request(`/dead-letters/${there.id}/redrive`, { ...post, headers });
  expect(await problem(redrive)).toBe('403 forbidden');
});
