import type { Blobs, Queue } from '../../src/ports.ts';

/** The queue with some of its methods replaced, to watch it or to let it fail. */
export function wrapQueue(queue: Queue, replaced: Partial<Queue>): Queue {
  return {
    send: body => queue.send(body),
    receive: options => queue.receive(options),
    extend: (receipt, seconds) => queue.extend(receipt, seconds),
    release: receipt => queue.release(receipt),
    delete: receipt => queue.delete(receipt),
    depth: () => queue.depth(),
    ...replaced,
  };
}

/** The store with some of its methods replaced. */
export function wrapBlobs(blobs: Blobs, replaced: Partial<Blobs>): Blobs {
  return {
    put: (key, body, options) => blobs.put(key, body, options),
    get: key => blobs.get(key),
    list: (prefix, options) => blobs.list(prefix, options),
    delete: key => blobs.delete(key),
    ...replaced,
  };
}
