import { describe, expect, test } from 'bun:test';
import { decode } from './decode.ts';
import { jpeg, multipart, photo, problem, queued, rig, withHeaders } from './support.ts';

const field = 'name="inputFile"; filename="photo.jpg"';
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
const png = bytes('\x89PNG\r\n\x1a\n....');
const webp = bytes('RIFF\x10\0\0\0WEBPVP8 ');

/** What the service says to an upload, with nothing stored when it says no. */
async function verdict(init: RequestInit, options = {}): Promise<string> {
  const { app, input, requests } = rig(options);
  const response = await app.request('/', init);
  if (response.status === 202) return `202 ${decode(requests.bodies[0]).file}`;
  expect(input.objects.size + requests.bodies.length).toBe(0);
  return problem(response);
}

describe('an upload', () => {
  test('is stored, then queued, then acknowledged', async () => {
    const { app, input, requests } = rig();
    const response = await app.request('/', photo('me.jpg'));
    expect(response.headers.get('location')).toMatch(/^\/results\/[0-9a-f-]{36}$/);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const { id, result } = await queued(response);
    expect(result).toBe(`/results/${id}`);
    expect(id[14]).toBe('7');
    expect([...input.objects.keys()]).toEqual([`${id}/me.jpg`]);
    expect(Buffer.from(input.objects.get(`${id}/me.jpg`)!.body).equals(jpeg)).toBe(true);
    const trace = expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(requests.bodies.map(decode)).toEqual([{ v: 1, kind: 'recognise', id, file: 'me.jpg', trace }]);
  });

  test('as browsers and fetch send it', async () => {
    const form = new FormData();
    form.set('inputFile', new File([jpeg], 'me.jpg', { type: 'image/jpeg' }));
    expect(await verdict({ method: 'POST', body: form })).toBe('202 me.jpg');
  });

  test('of one name twice at once is two requests', async () => {
    const { app, input, requests } = rig();
    const [a, b] = await Promise.all([app.request('/', photo()), app.request('/', photo())]);
    expect((await queued(a)).id).not.toBe((await queued(b)).id);
    expect(input.objects.size).toBe(2);
    expect(requests.bodies.length).toBe(2);
  });

  test.each([
    ['no field', multipart([]), '400 missing-file'],
    [
      'another field',
      multipart([{ disposition: 'name="file"; filename="a.jpg"', content: jpeg }]),
      '400 missing-file',
    ],
    [
      'text fields only',
      multipart([{ disposition: 'name="threshold"', content: '0.5' }]),
      '400 missing-file',
    ],
    ['two photos', multipart([0, 1].map(() => ({ disposition: field, content: jpeg }))), '400 several-files'],
    [
      'a photo and another file',
      multipart([
        { disposition: field, content: jpeg },
        { disposition: 'name="x"; filename="x.jpg"', content: jpeg },
      ]),
      '400 several-files',
    ],
    [
      'text in the field',
      multipart([{ disposition: 'name="inputFile"', content: 'hello' }]),
      '400 not-a-file',
    ],
    ['an empty file', photo('a.jpg', ''), '400 empty-file'],
    ['an empty file input of a form', photo('', ''), '400 empty-file'],
    [
      'JSON',
      { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } },
      '415 not-multipart',
    ],
    ['no type', { method: 'POST', body: jpeg }, '415 not-multipart'],
    ['no body', { method: 'POST' }, '415 not-multipart'],
    [
      'a urlencoded form',
      {
        method: 'POST',
        body: 'inputFile=x',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      },
      '415 not-multipart',
    ],
    [
      'no boundary',
      { method: 'POST', body: 'x', headers: { 'content-type': 'multipart/form-data' } },
      '400 malformed-multipart',
    ],
    [
      'half a body',
      {
        ...photo(),
        body: '--XX\r\nContent-Disposition: form-data; name="inputFile"; filename="a.jpg"\r\n\r\n\xff',
      },
      '400 malformed-multipart',
    ],
    ['half a JPEG signature', photo('a.jpg', bytes('\xff\xd8')), '415 unsupported-format'],
    ['half a PNG signature', photo('a.png', bytes('\x89PNG\r\n')), '415 unsupported-format'],
    ['a RIFF that is no WebP', photo('a.webp', bytes('RIFF\x10\0\0\0WAVEfmt ')), '415 unsupported-format'],
    ['text named as a photo', photo('a.jpg', 'hello, this is no photo'), '415 unsupported-format'],
    ['a GIF named as a photo', photo('a.jpg', 'GIF89a..........'), '415 unsupported-format'],
    ['a PDF', photo('a.pdf', '%PDF-1.7 .......'), '415 unsupported-format'],
    ['an SVG', photo('a.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>'), '415 unsupported-format'],
    [
      'a text that claims to be a JPEG',
      multipart([{ disposition: field, content: 'hello', type: 'image/jpeg' }]),
      '415 unsupported-format',
    ],
    [
      'a JPEG that claims to be text',
      multipart([{ disposition: field, content: jpeg, type: 'text/plain' }]),
      '202 photo.jpg',
    ],
    ['a PNG', photo('a.png', png), '202 a.png'],
    ['a WebP of another name', photo('a.jpg', webp), '202 a.jpg'],
  ] satisfies [string, RequestInit, string][])('%s: %#', async (_, init, expected) =>
    expect(await verdict(init)).toBe(expected),
  );
});

describe('a file name', () => {
  test.each([
    ['../x.jpg', '202 x.jpg'],
    ['..\\x.jpg', '202 x.jpg'],
    ['/etc/passwd', '202 passwd'],
    ['C:\\photos\\me.jpg', '202 me.jpg'],
    ['😀 Zoë.jpg', '202 😀 Zoë.jpg'],
    ['a:b.jpg', '202 a:b.jpg'],
    ['', '202 photo.jpg'],
    ['..', '400 invalid-file-name'],
    ['a/..', '400 invalid-file-name'],
    ['a/', '400 invalid-file-name'],
    ['a\0b.jpg', '400 invalid-file-name'],
    ['a\nb.jpg', '400 invalid-file-name'],
    ['a\x7fb.jpg', '400 invalid-file-name'],
    ['x'.repeat(5_000), '400 invalid-file-name'],
    ['😀'.repeat(5_000), '400 invalid-file-name'],
    ['a\r\nb.jpg', '400 malformed-multipart'],
  ])('%#', async (name, expected) => expect(await verdict(photo(name))).toBe(expected));

  test('may be left out of a photo', async () => {
    const part = { disposition: 'name="inputFile"', content: png, type: 'image/png' };
    expect(await verdict(multipart([part]))).toBe('202 photo.png');
  });
});

describe('a size over the limit', () => {
  const big = new Uint8Array(100_001);
  big.set(jpeg);

  test('of the photo', async () => {
    expect(await verdict(photo('a.jpg', big))).toBe('413 too-large');
    expect(await verdict(photo('a.jpg', big.subarray(0, 100_000)))).toBe('202 a.jpg');
  });

  test('by Content-Length is refused with nothing read', async () => {
    let pulled = 0;
    const body = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 });
    const headers = { 'content-length': '100000000' };
    expect(await verdict(withHeaders({ ...photo(), body }, headers))).toBe('413 too-large');
    expect(pulled).toBe(0);
  });

  test('of an endless body without length ends the reading', async () => {
    let sent = 0;
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: controller => {
        sent += 10_000;
        controller.enqueue(new Uint8Array(10_000));
      },
      cancel: () => {
        cancelled = true;
      },
    });
    expect(await verdict({ ...photo(), body })).toBe('413 too-large');
    expect(cancelled).toBe(true);
    expect(sent).toBeLessThan(200_000);
  });

  test('is told in the limit of photos', async () => {
    const response = await rig().app.request('/', photo('a.jpg', new Uint8Array(300_000)));
    expect(await response.json()).toMatchObject({
      status: 413,
      limit: 100_000,
      detail: expect.stringContaining('100000'),
    });
  });
});

describe('a threshold', () => {
  const withField = (text: string) =>
    multipart([
      { disposition: 'name="threshold"', content: text },
      { disposition: field, content: jpeg },
    ]);

  test('comes as query or as field, the query first', async () => {
    const { app, requests } = rig();
    await app.request('/?threshold=0.5', photo());
    await app.request('/', withField('-0.25'));
    await app.request('/?threshold=1', withField('0'));
    expect(requests.bodies.map(body => decode(body).threshold)).toEqual([0.5, -0.25, 1]);
  });

  test.each(['', 'x', '1.5', '-2', 'NaN', '0x1', '1e-1', '0,5'])('%j is refused', async text => {
    expect(await verdict(withField(text))).toBe('400 invalid-threshold');
    const response = await rig().app.request(`/?threshold=${encodeURIComponent(text)}`, photo());
    expect(await problem(response)).toBe('400 invalid-threshold');
  });
});
