/**
 * What the programs need from the world outside, as types only. Adapters under `adapters/` fulfil them; one contract
 * suite a port (test/contract) runs against every adapter.
 */

/** A message as received: it stays hidden from other receivers until its visibility timeout ends. */
export interface Message {
  readonly id: string;
  readonly body: string;
  /** Receipt handle of this one receipt; stale once the message has been received again. */
  readonly receipt: string;
  /** How often the message has been received, this time included: 1 on the first delivery. */
  readonly receiveCount: number;
  /** When it was sent, ms since the epoch. */
  readonly sentAt: number;
}

/** Numbers of messages; approximate on SQS, exact locally. */
export interface Depth {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
  /** Messages in the queue's dead-letter queue; 0 when it has none. */
  readonly dead: number;
}

export interface ReceiveOptions {
  /** 1 to 10. */
  readonly max: number;
  /** Long poll, 0 to 20 seconds. */
  readonly waitSeconds: number;
  /** Ends the poll early; the call then resolves with nothing received. */
  readonly signal?: AbortSignal;
}

/**
 * A queue with the meaning of SQS: at least once, in no strict order, hidden while in flight, moved to the dead-letter
 * queue when received more often than the queue allows. Adapters may join concurrent calls into batches.
 */
export interface Queue {
  /** Durable once resolved. An error whose `mayBeDone` is true leaves open whether it was sent. */
  send(body: string): Promise<void>;
  /** Up to `max` messages; as soon as there is one, or none after `waitSeconds`. */
  receive(options: ReceiveOptions): Promise<Message[]>;
  /** Hides the message for `seconds` from now; false when the receipt is stale or the message gone. */
  extend(receipt: string, seconds: number): Promise<boolean>;
  /** Gives the message back to other receivers at once; false as for `extend`. */
  release(receipt: string): Promise<boolean>;
  /** Done with it. A stale receipt deletes nothing and is no error. */
  delete(receipt: string): Promise<void>;
  depth(): Promise<Depth>;
}

export interface BlobInfo {
  readonly key: string;
  readonly size: number;
  /** ms since the epoch. */
  readonly modifiedAt: number;
}

export interface StoredBlob {
  readonly body: Uint8Array;
  readonly etag: string;
}

export interface CallOptions {
  /** Ends a call that takes too long; it rejects, and may be done all the same. Adapters that are quick ignore it. */
  readonly signal?: AbortSignal;
}

export interface ListOptions {
  /** As many objects at most. */
  readonly limit?: number;
  /** Only objects whose keys come after this one, which need not be there. */
  readonly after?: string;
}

export interface PutOptions extends CallOptions {
  readonly contentType?: string;
  /** Store only where the key holds nothing yet. */
  readonly ifAbsent?: boolean;
  /** Store only where the key still holds the object of this etag. */
  readonly ifMatch?: string;
}

/** An object store: whole objects, strong read-after-write, keys of 1 to 1,024 bytes of UTF-8. */
export interface Blobs {
  /** The new etag, durable once resolved; undefined when a condition failed and nothing was stored. */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<string | undefined>;
  get(key: string, options?: CallOptions): Promise<StoredBlob | undefined>;
  /**
   * Objects whose key begins with `prefix`, in the order of their keys (UTF-8 bytes). With `limit` it costs no more than
   * that many objects do, wherever `after` is, where keys begin with the ids of requests.
   */
  list(prefix: string, options?: ListOptions): Promise<BlobInfo[]>;
  /** No error when there is nothing. */
  delete(key: string): Promise<void>;
}

export interface Instance {
  readonly id: string;
  /** The place in the fleet it was launched into, 0 to max − 1. */
  readonly slot: number;
  /** ms since the epoch, by the fleet's clock. */
  readonly launchedAt: number;
  /** `draining`: leave has been granted, it finishes what it holds. Terminated instances are not listed. */
  readonly state: 'pending' | 'running' | 'draining';
}

/** What can be seen of the machines (or processes) that run `facerec-worker`. */
export interface FleetView {
  list(): Promise<Instance[]>;
  /** ms since the epoch, by the clock that `launchedAt` is told by, which need not be this machine's. */
  now(): number;
  /** Slots below the number that cannot be filled now for reasons of their own, whether held or not: others may be. */
  closedSlots(below: number): readonly number[];
}

/** The controller's hand on them. */
export interface Fleet extends FleetView {
  /** Starts one instance a slot; a slot that is still held is left alone. Resolves when all are asked for. */
  launch(slots: readonly number[]): Promise<void>;
  /** Grants leave: the instances finish what they hold and go. */
  drain(ids: readonly string[]): Promise<void>;
  /** Ends instances at once; only for those that never reported, or hang after leave was granted. */
  terminate(ids: readonly string[]): Promise<void>;
  /** What the controller's own stop means for the instances: local children stop too, EC2 instances stay. */
  close(): Promise<void>;
}

/** The worker's view of the machine it runs on. */
export interface Host {
  /** The instance's id, as the fleet lists it. */
  readonly id: string;
  /** Why this worker should take no more work (a drain grant, a spot notice), or undefined to go on. */
  drainRequested(): Promise<string | undefined>;
  /** The last call of a worker that has said goodbye: powers the machine off, or does nothing on a shared one. */
  leave(): Promise<void>;
}

/** Lets one of several controllers act. */
export interface Lease {
  /** Whether this controller may act now; to be asked before each decision. Rejects when that cannot be told. */
  mayAct(): Promise<boolean>;
  /** Lets go for good, so that another need not wait. */
  release(): Promise<void>;
}

export type LogFields = Readonly<
  Record<string, string | number | boolean | null | undefined | readonly string[]>
>;

/** Structured log. Fields never hold photos, names of people or embeddings. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** Everything a program is wired with; `adapters/choose.ts` makes it. */
export interface Services {
  readonly requests: Queue;
  /** Completions: hints that a result is in the output store. */
  readonly responses: Queue;
  /** Requests that failed too often. */
  readonly deadLetters: Queue;
  /** Uploaded photos. */
  readonly input: Blobs;
  /** Results and heartbeats. */
  readonly output: Blobs;
  /** People and face embeddings. */
  readonly gallery: Blobs;
  close(): Promise<void>;
}
