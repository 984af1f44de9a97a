import type { Context } from 'hono';
import type { Doubt } from '../core/doubts.ts';
import type { Person } from '../gallery/gallery.ts';
import type { GalleryStore } from '../gallery/store.ts';
import type { Blobs, Log, Queue } from '../ports.ts';
import type { SetTimer } from '../runtime/time.ts';
import type { Access } from './access/access.ts';
import type { Caller } from './access/caller.ts';
import type { Directory } from './directory.ts';
import type { Events } from './events.ts';
import type { UploadMemory } from './memory.ts';
import type { WebMetrics } from './metrics.ts';
import type { Waiting } from './waiting.ts';

export interface WebOptions {
  /** How `POST /` answers: at once with 202, or when done, in plain text. */
  readonly reply: 'ack' | 'result';
  readonly maxUploadBytes: number;
  /** Of all photos of a batch, as sent and unpacked; 100 MiB by default. */
  readonly maxBatchBytes?: number;
  /** Whether webhooks may have private addresses. */
  readonly webhooksToPrivate?: boolean;
  /** How long results are kept. */
  readonly resultDays: number;
  /** Shown at `GET /`. */
  readonly version?: string;
}

export interface AppDeps {
  readonly requests: Queue;
  readonly responses: Queue;
  readonly deadLetters: Queue;
  /** Uploaded photos. */
  readonly input: Blobs;
  /** Results. */
  readonly output: Blobs;
  /** People, keys, webhooks. */
  readonly gallery: Blobs;
  readonly people: GalleryStore;
  /** The people of the gallery by name. */
  readonly directory?: Directory;
  /** What may be wrong with a person's faces. */
  readonly doubts?: (person: Person) => Promise<readonly Doubt[]>;
  readonly waiting: Waiting;
  readonly events: Events;
  readonly log: Log;
  readonly access: Access;
  /** Shared by all uploads. */
  readonly memory?: UploadMemory;
  readonly metrics?: WebMetrics;
  readonly options: WebOptions;
  /** ms since the epoch. */
  readonly now?: () => number;
  /** Makes a UUID of version 7. */
  readonly newId?: () => string;
  readonly setTimer?: SetTimer;
  /** Called for a request that is going to be held, because servers close idle connections. */
  readonly keepOpen?: (request: Request) => void;
}

/** With the defaults filled in, as the routes use it. */
export type Deps = Required<AppDeps>;

export type Env = {
  Variables: {
    requestId: string;
    /** W3C `traceparent` of what is done about the request. */
    trace: string;
    /** Not set on routes that are for anybody. */
    caller?: Caller;
  };
};

export type Handler = (c: Context<Env>) => Response | Promise<Response>;

/** Handlers by path and method. */
export type Routes = Readonly<
  Record<string, Partial<Readonly<Record<'GET' | 'POST' | 'PUT' | 'DELETE', Handler>>>>
>;
