import type { Context } from 'hono';
import type { GalleryStore } from '../gallery/store.ts';
import type { Blobs, Log, Queue } from '../ports.ts';
import type { SetTimer } from '../runtime/time.ts';
import type { Access } from './access/access.ts';
import type { Caller } from './access/caller.ts';
import type { UploadMemory } from './memory.ts';
import type { Waiting } from './waiting.ts';

export interface WebOptions {
  /** How `POST /` answers: at once with 202, or when done, in plain text. */
  readonly reply: 'ack' | 'result';
  readonly maxUploadBytes: number;
  /** How long results are kept. */
  readonly resultDays: number;
  /** Shown at `GET /`. */
  readonly version?: string;
}

export interface AppDeps {
  readonly requests: Queue;
  readonly responses: Queue;
  /** Uploaded photos. */
  readonly input: Blobs;
  /** Results. */
  readonly output: Blobs;
  readonly people: GalleryStore;
  readonly waiting: Waiting;
  readonly log: Log;
  readonly access: Access;
  /** Shared by all uploads. */
  readonly memory?: UploadMemory;
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
    /** Not set on routes that are for anybody. */
    caller?: Caller;
  };
};

export type Handler = (c: Context<Env>) => Response | Promise<Response>;

/** Handlers by path and method. */
export type Routes = Readonly<
  Record<string, Partial<Readonly<Record<'GET' | 'POST' | 'PUT' | 'DELETE', Handler>>>>
>;
