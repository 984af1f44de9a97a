import { createServer, type Socket } from 'node:net';

export type Fault = 'none' | '500' | '503' | 'cut before' | 'cut within' | 'stall within';

export interface FaultyServer {
  readonly url: string;
  /** Connections open now, and the most at once so far. */
  readonly sockets: { now: number; most: number };
  readonly requests: { count: number };
  stop(): Promise<void>;
}

/** Answers GETs on loopback like the server behind it, or fails in the way that `next` names for each request. */
export async function faultyServer(behind: string, next: (request: number) => Fault): Promise<FaultyServer> {
  const open = new Set<Socket>();
  const sockets = { now: 0, most: 0 };
  const requests = { count: 0 };
  const server = createServer(socket => {
    open.add(socket);
    sockets.now = open.size;
    sockets.most = Math.max(sockets.most, open.size);
    socket.on('error', () => {});
    socket.on('close', () => {
      open.delete(socket);
      sockets.now = open.size;
    });
    let head = '';
    socket.on('data', data => {
      head += data.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const path = head.split(' ')[1] ?? '/';
      head = head.slice(end + 4);
      void answer(socket, `${behind}${path}`, next(requests.count++));
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    sockets,
    requests,
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

async function answer(socket: Socket, url: string, fault: Fault): Promise<void> {
  if (fault === 'cut before') {
    socket.destroy();
    return;
  }
  if (fault === '500' || fault === '503') {
    const body = `<Error><Code>${fault === '500' ? 'InternalError' : 'SlowDown'}</Code></Error>`;
    socket.write(
      `HTTP/1.1 ${fault} X\r\nContent-Type: application/xml\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    return;
  }
  const response = await fetch(url);
  const body = Buffer.from(await response.arrayBuffer());
  const kept = ['content-type', 'etag', 'last-modified'].flatMap(name => {
    const value = response.headers.get(name);
    return value === null ? [] : [`${name}: ${value}\r\n`];
  });
  socket.write(`HTTP/1.1 ${response.status} X\r\n${kept.join('')}Content-Length: ${body.length}\r\n\r\n`);
  if (fault === 'none') {
    socket.write(body);
    return;
  }
  socket.write(body.subarray(0, body.length >> 1));
  if (fault === 'cut within') setTimeout(() => socket.destroy(), 1);
}
