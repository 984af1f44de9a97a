import { Problem } from './problem.ts';

/** One part of a multipart/form-data body. */
export interface Part {
  readonly name: string;
  /** As sent, and possibly empty; undefined where there is none, which makes the part a text field. */
  readonly fileName: string | undefined;
  /** A view into the body. */
  readonly content: Uint8Array;
}

const MAX_PARTS = 50;
const MAX_HEADER_BYTES = 65_536;

/**
 * The parts of a multipart/form-data body (RFC 7578). The platform's `formData()` is not used because it cuts file names
 * silently at NUL and CR, takes a part with `filename*` for text, and shows no truncated part as such.
 * Throws a 400 problem `malformed-multipart`.
 */
export function parseMultipart(body: Uint8Array, contentType: string, maxParts = MAX_PARTS): Part[] {
  const boundary = boundaryOf(contentType);
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  const parts: Part[] = [];
  let at = bytes.indexOf(delimiter.subarray(2));
  if (at < 0) throw malformed('the boundary that its Content-Type announces is nowhere in it');
  at += delimiter.length - 2;
  while (bytes.toString('latin1', at, at + 2) !== '--') {
    const headersEnd = bytes.indexOf('\r\n\r\n', at);
    const end = headersEnd < 0 ? -1 : bytes.indexOf(delimiter, headersEnd + 2);
    if (end < 0) throw malformed('it was cut off: the closing boundary is missing');
    if (headersEnd - at > MAX_HEADER_BYTES) throw malformed('the headers of a part are too long');
    const headers = bytes.toString('utf8', at, headersEnd);
    if (!/^[ \t]*(\r\n|$)/.test(headers)) throw malformed('a boundary does not end its line');
    parts.push({ ...disposition(headers), content: bytes.subarray(Math.min(headersEnd + 4, end), end) });
    if (parts.length > maxParts) throw malformed(`it has more than ${maxParts} parts`);
    at = end + delimiter.length;
  }
  return parts;
}

function boundaryOf(contentType: string): string {
  const [, quoted, token] = /;\s*boundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType) ?? [];
  const boundary = quoted ?? token;
  if (boundary === undefined || boundary.length > 70)
    throw malformed('its Content-Type has no boundary of 1 to 70 characters');
  return boundary;
}

/** Name and file name in the headers of a part. */
function disposition(headers: string): { name: string; fileName: string | undefined } {
  const value = /\r\ncontent-disposition:[ \t]*form-data[ \t]*((?:(?!\r\n).)*)/is.exec(headers)?.[1];
  if (value === undefined) throw malformed('a part has no Content-Disposition: form-data');
  const parameters = new Map<string, string>();
  const parameter = /;[ \t]*([\w*-]+)[ \t]*=[ \t]*(?:"((?:\\"|[^"])*)"|([^;"]*))[ \t]*/gy;
  let end = 0;
  for (const [all, key = '', quoted, token = ''] of value.matchAll(parameter)) {
    end += all.length;
    // Only the quotation mark is escaped: a backslash is more often a part of a path.
    parameters.set(key.toLowerCase(), quoted?.replaceAll('\\"', '"') ?? token.trim());
  }
  const name = parameters.get('name');
  if (end < value.length || name === undefined) throw malformed('a Content-Disposition cannot be read');
  const extended = parameters.get('filename*');
  return { name, fileName: extended === undefined ? parameters.get('filename') : decodeExtended(extended) };
}

/** RFC 8187, `UTF-8''%e2%82%ac.jpg`: RFC 7578 advises against it, some clients send it all the same. */
function decodeExtended(value: string): string {
  const [, encoded] = /^utf-8'[^']*'(.*)$/is.exec(value) ?? [];
  try {
    if (encoded !== undefined) return decodeURIComponent(encoded);
  } catch {
    // Said below.
  }
  throw malformed('a filename* is not percent-encoded UTF-8');
}

function malformed(what: string): Problem {
  return new Problem('malformed-multipart', `The body is not valid multipart/form-data: ${what}.`);
}
