import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { FacerecClient } from '../../src/client/client.ts';
import type { Result } from '../../src/client/types.ts';
import { cast, known, type Member, photoOf } from '../support/cast.ts';
import { post } from '../support/client.ts';
import { run, type System, startSystem } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { check } from '../unit/web/conforming.ts';
import { zip } from '../unit/web/zip.ts';

/** The whole service with real models, locked by a key, as a client of it sees it. */
const directory = temporaryDirectory();
let system: System;
let token: string;
let client: FacerecClient;

const photo = async (member: Member) => new Uint8Array(await photoOf(member));
const labelOf = (result: Result) => ('label' in result ? result.label : `${result.status}`);

beforeAll(async () => {
  system = await startSystem(directory);
  const words = ['keys', 'create', '--name', 'test', '--scope', 'admin'];
  const created = run('src/web.ts', { FACEREC_DATA: directory }, words);
  [token] = await created.said(/facerec_[0-9a-f]{12}_\S+/);
  await created.child.exited;
  client = new FacerecClient({
    url: system.url,
    key: token,
    // Real answers are held against the contract, too.
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      await check(init.method ?? 'GET', url.pathname, response);
      return response;
    },
  });
  for (let left = 100; left > 0; left--) {
    if ((await fetch(new URL('people', system.url))).status === 401) break;
    await Bun.sleep(100);
  }
  for (const member of known) {
    await client.putPerson(member, cast[member]);
    await client.enrol(member, `${member}.jpg`, await photo(member));
  }
});

afterAll(async () => {
  expect(await system.end()).toBe(0);
  expect(system.output()).not.toContain(token);
});

describe('the API, with a key', () => {
  test('refuses who has none', async () => {
    const upload = { file: 'ada.jpg', bytes: await photo('ada') };
    expect((await post(system.url, upload)).status).toBe(401);
    expect((await post(system.url, { ...upload, headers: { 'x-api-key': token } })).status).toBe(202);
  });

  test('names whom it knows', async () => {
    const result = await client.recognise('ada.jpg', await photo('ada'));
    expect(result).toMatchObject({ status: 'done', label: cast.ada, faces: [{ person: 'ada' }] });
    expect((await client.people()).map(({ id }) => id)).toEqual([...known]);
  });

  test('takes a zip and photos at once, lists the results, and finds those of a person', async () => {
    const [ada, ben, eve] = await Promise.all([photo('ada'), photo('ben'), photo('eve')]);
    const archive = new Uint8Array(
      zip([
        { name: 'album/ada.jpg', content: ada },
        { name: 'album/ben.jpg', content: ben },
      ]),
    );
    const batch = await client.batch([
      { file: 'eve.jpg', photo: eve },
      { file: 'album.zip', photo: archive },
      { file: 'notes.txt', photo: new TextEncoder().encode('notes') },
    ]);
    expect([batch.queued, batch.refused]).toEqual([3, 1]);
    const ids = batch.files.flatMap(file => (file.status === 'queued' ? [file.id] : []));
    const results = await Promise.all(ids.map(id => client.wait(id)));
    expect(results.map(labelOf)).toEqual(['unknown', cast.ada, cast.ben]);
    const ofBen: string[] = [];
    for await (const result of client.results({ person: 'ben', limit: 1 })) ofBen.push(result.id);
    expect(ofBen).toContain(ids[2]!);
    expect(ofBen).not.toContain(ids[1]!);
  });

  test('answers the same request once', async () => {
    const options = { idempotencyKey: crypto.randomUUID() };
    const send = async () => client.submit('ada.jpg', await photo('ada'), options);
    const answers = await Promise.all([send(), send(), send(), send()]);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    const other = client.submit('ben.jpg', await photo('ben'), options);
    await expect(other).rejects.toMatchObject({ status: 422, problem: 'idempotency-key-reused' });
  });

  test('serves clients of CompreFace', async () => {
    const at = (path: string) => new URL(`api/v1/recognition/${path}`, system.url);
    const headers = { 'x-api-key': token };
    const form = async (member: Member) => {
      const body = new FormData();
      body.append('file', new Blob([await photo(member)]), `${member}.jpg`);
      return { method: 'POST', body, headers };
    };
    const stranger = await (await fetch(at('recognize'), await form('eve'))).json();
    expect(stranger).toMatchObject({ result: [{ subjects: [] }] });
    const added = await fetch(at('faces?subject=Eve'), await form('eve'));
    expect(added.status).toBe(201);
    const found = await (await fetch(at('recognize?limit=1'), await form('eve'))).json();
    expect(found).toMatchObject({ result: [{ subjects: [{ subject: 'Eve' }] }] });
    const [nearest] = (found as { result: { subjects: { similarity: number }[] }[] }).result;
    expect(nearest!.subjects[0]!.similarity).toBeGreaterThan(0.99);
    const { image_id } = (await added.json()) as { image_id: string };
    const similarity = async (member: Member) => {
      const response = await fetch(at(`faces/${image_id}/verify`), await form(member));
      const { result } = (await response.json()) as { result: { subject: string; similarity: number }[] };
      expect(result).toMatchObject([{ subject: 'Eve' }]);
      return result[0]!.similarity;
    };
    expect(await similarity('eve')).toBeGreaterThan(0.99);
    expect(await similarity('ada')).toBeLessThan(0.5);
    const image = await (await fetch(at(`faces/${image_id}/img`), { headers })).bytes();
    expect([...image.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
    const open = new URL(`api/v1/static/${token}/images/${image_id}`, system.url);
    expect(await (await fetch(open)).bytes()).toEqual(image);
    const merged = { method: 'PUT', headers, body: JSON.stringify({ subject: cast.ben }) };
    expect(await (await fetch(at('subjects/Eve'), merged)).json()).toEqual({ updated: true });
    const [face] = (await client.person('ben')).faces.slice(-1);
    expect(Buffer.from(await (await client.facePhoto('ben', face!.id)).bytes()).equals(image)).toBe(true);
    const some = { method: 'POST', headers, body: JSON.stringify([face!.id, image_id]) };
    expect(await (await fetch(at('faces/delete'), some)).json()).toEqual([
      { image_id: face!.id, subject: cast.ben },
    ]);
    await expect(client.facePhoto('ben', face!.id)).rejects.toMatchObject({ problem: 'unknown-face' });
  });
});
