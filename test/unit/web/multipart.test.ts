import { describe, expect, test } from 'bun:test';
import { parseMultipart } from '../../../src/web/multipart.ts';
import { problem } from './support.ts';

const type = 'multipart/form-data; boundary=B';
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'utf8'));
const named = (parameters: string) =>
  parseMultipart(
    bytes(`--B\r\nContent-Disposition: form-data; name="inputFile"; ${parameters}\r\n\r\nxx\r\n--B--\r\n`),
    type,
  )[0]?.fileName;
const refusal = async (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    if (error instanceof Error && 'toResponse' in error && typeof error.toResponse === 'function')
      return problem(error.toResponse());
    throw error;
  }
  return 'accepted';
};

describe('file names', () => {
  test.each([
    ['filename="a.jpg"', 'a.jpg'],
    ['filename=a.jpg', 'a.jpg'],
    ['FileName = "a.jpg" ', 'a.jpg'],
    ['filename="a\\"b.jpg"', 'a"b.jpg'],
    ['filename="a%22b.jpg"', 'a%22b.jpg'],
    ['filename="a;b.jpg"', 'a;b.jpg'],
    ['filename="C:\\dir\\b.jpg"', 'C:\\dir\\b.jpg'],
    ['filename="C:\\dir\\"', 'C:\\dir\\'],
    ['filename=""', ''],
    ['filename="a\0b.jpg"', 'a\0b.jpg'],
    ['filename="a\nb.jpg"', 'a\nb.jpg'],
    ['filename="😀 Zoë.jpg"', '😀 Zoë.jpg'],
    ["filename*=UTF-8''%F0%9F%98%80.jpg", '😀.jpg'],
    ['filename="x.jpg"; filename*=utf-8\'en\'%E2%82%AC.jpg', '€.jpg'],
    ['other=1', undefined],
  ])('%j is %j', (parameters, name) => expect(named(parameters)).toBe(name));

  test.each([
    'filename="a\r\nb.jpg"',
    'filename="open',
    "filename*=UTF-8''%ZZ",
    "filename*=latin1''a",
    'filename',
  ])('%j is malformed', async parameters =>
    expect(await refusal(() => named(parameters))).toBe('400 malformed-multipart'),
  );

  test('bytes that are no UTF-8 become replacement characters', () => {
    const body = Buffer.from(
      '--B\r\nContent-Disposition: form-data; name=f; filename="\xe9"\r\n\r\n\r\n--B--',
      'latin1',
    );
    expect(parseMultipart(body, type)[0]?.fileName).toBe('\ufffd');
  });
});

describe('bodies', () => {
  test.each([
    ['nothing', ''],
    ['garbage', 'garbage'],
    ['another boundary', '--C\r\nContent-Disposition: form-data; name=f\r\n\r\nxx\r\n--C--'],
    ['no closing boundary', '--B\r\nContent-Disposition: form-data; name=f\r\n\r\nxx'],
    ['end within the headers', '--B\r\nContent-Disposition: form-da'],
    ['bare line feeds', '--B\nContent-Disposition: form-data; name=f\n\nxx\n--B--\n'],
    ['no disposition', '--B\r\nContent-Type: image/jpeg\r\n\r\nxx\r\n--B--'],
    ['no headers', '--B\r\n\r\nxx\r\n--B--'],
    ['no name', '--B\r\nContent-Disposition: form-data; filename=a\r\n\r\nxx\r\n--B--'],
    ['text behind a boundary', '--Bx\r\nContent-Disposition: form-data; name=f\r\n\r\nxx\r\n--B--'],
    ['endless headers', `--B\r\nX: ${'x'.repeat(70_000)}\r\n\r\nxx\r\n--B--`],
    ['many parts', `${'--B\r\nContent-Disposition: form-data; name=f\r\n\r\nx\r\n'.repeat(60)}--B--`],
  ])('%s: malformed', async (_, body) =>
    expect(await refusal(() => parseMultipart(bytes(body), type))).toBe('400 malformed-multipart'),
  );

  test.each([
    'multipart/form-data',
    'multipart/form-data; boundary=',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
  ])('%j has no boundary', async contentType =>
    expect(await refusal(() => parseMultipart(bytes('--B--'), contentType))).toBe('400 malformed-multipart'),
  );

  test('no part, an empty part, a preamble, an epilogue, blanks behind a boundary, a quoted boundary', () => {
    expect(parseMultipart(bytes('--B--'), type)).toEqual([]);
    const body = 'before\r\n--a b \t\r\ncontent-disposition: form-data; name="f"\r\n\r\n\r\n--a b--\r\nafter';
    expect(parseMultipart(bytes(body), 'Multipart/Form-Data; charset=utf-8; Boundary="a b"')).toEqual([
      { name: 'f', fileName: undefined, content: Buffer.alloc(0) },
    ]);
  });

  test('reads what the platform writes, byte for byte', async () => {
    for (let round = 0; round < 50; round++) {
      const content = crypto.getRandomValues(new Uint8Array((round * 997) % 5_000));
      const form = new FormData();
      form.set('threshold', '0.5\r\n--B');
      form.set('inputFile', new File([content], `ph"oto ${round}.jpg`));
      const written = new Response(form);
      const contentType = written.headers.get('content-type') ?? '';
      const parts = parseMultipart(await written.bytes(), contentType);
      expect(parts.map(part => part.name)).toEqual(['threshold', 'inputFile']);
      expect(Buffer.from(parts[0]!.content).toString()).toBe('0.5\r\n--B');
      expect(Buffer.from(parts[1]!.content).equals(content)).toBe(true);
    }
  });

  test('content that nearly holds the boundary stays whole', () => {
    const content = '\r\n-\r\n--\r\n--A\r\r\n';
    const body = `--B\r\nContent-Disposition: form-data; name=f\r\n\r\n${content}\r\n--B--`;
    expect(Buffer.from(parseMultipart(bytes(body), type)[0]!.content).toString()).toBe(content);
  });
});
