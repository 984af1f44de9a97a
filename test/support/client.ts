/** One request as a simple client makes it: a connection of its own, one multipart part. */
export interface Upload {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** Of the part; absent as the course's client sends it. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A multipart body written by hand, so that the part may lack what every library adds. */
export function multipart({ file, bytes, contentType }: Upload): { body: Uint8Array; type: string } {
  const boundary = `----facerec${crypto.randomUUID()}`;
  const head =
    `--${boundary}\r\nContent-Disposition: form-data; name="inputFile"; filename="${file}"\r\n` +
    `${contentType ? `Content-Type: ${contentType}\r\n` : ''}\r\n`;
  const body = Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return { body: new Uint8Array(body), type: `multipart/form-data; boundary=${boundary}` };
}

/** Posts on a fresh connection. */
export function post(url: URL | string, upload: Upload): Promise<Response> {
  const { body, type } = multipart(upload);
  const headers = { 'content-type': type, connection: 'close', ...upload.headers };
  return fetch(url, { method: 'POST', body, headers, keepalive: false });
}

/** A PUT of a person and one photo, enrolled when it resolves. */
export async function enrol(base: URL, person: string, name: string, photo: Upload): Promise<Response> {
  const at = `people/${encodeURIComponent(person)}`;
  const put = await fetch(new URL(at, base), {
    method: 'PUT',
    body: JSON.stringify({ name }),
    headers: { 'content-type': 'application/json' },
  });
  if (!put.ok) return put;
  return post(new URL(`${at}/faces?wait=60`, base), photo);
}
