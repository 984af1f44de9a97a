import { messageOf } from '../core/errors.ts';
import type { Log } from '../ports.ts';
import { openNotifySocket, type SendNote } from './notify.ts';
import { sleep } from './time.ts';

/** What a program tells of itself while it works. */
export interface Signs {
  /** One line for people, such as "naming 3 photos, 120 done". */
  status(): string;
  /**
   * What has not got on for longer than it deliberately rests plus `patienceMs`, such as "the engine has not answered
   * for 40 s"; undefined while all is well.
   */
  stuck(patienceMs: number): string | undefined;
}

/** The way to the service manager that started this process, if one did. */
export interface Life {
  /** The program does its work from now on. */
  ready(signs: Signs): void;
}

export const noLife: Life = { ready() {} };

/** How often people are told what is going on. */
const TICK_MS = 5000;
/** Without a watchdog: when the status line says that something is stuck. */
const PATIENCE_MS = 60_000;
/** A start or a stop that goes on asks for that much time, again and again. */
const EXTENSION_MS = 30_000;
/** Notes that could not be sent are kept for the next try. */
const KEPT = 16;

export interface LifeOptions {
  readonly send: SendNote;
  readonly monotonicMicroseconds: () => bigint;
  /** undefined: nobody watches. */
  readonly watchdogMs: number | undefined;
  /** So long may a start go on. */
  readonly startMs: number;
  readonly log: Log;
  readonly now?: () => number;
}

/**
 * Speaks sd_notify(3): READY when the work begins, then, at every `tick`, WATCHDOG as long as the program gets on, and
 * STATUS when it has changed.
 */
export class NotifyingLife implements Life {
  readonly #options: LifeOptions;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #unsent: string[] = [];
  #signs: Signs | undefined;
  #status = '';
  #stuck: string | undefined;
  #stopping = false;
  #muted = false;
  #heard = false;

  constructor(options: LifeOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#startedAt = this.#now();
  }

  /** ms between two ticks: half of what the service manager advises, so that one may be late. */
  get tickMs(): number {
    return Math.min(TICK_MS, (this.#options.watchdogMs ?? Number.POSITIVE_INFINITY) / 4);
  }

  /** Whether notes wait for a service manager that has taken some before. */
  get isBehind(): boolean {
    return this.#heard && this.#unsent.length > 0;
  }

  /** Sends what could not be sent before. */
  flush(): void {
    this.#send();
  }

  ready(signs: Signs): void {
    if (this.#signs) return;
    this.#signs = signs;
    this.#status = signs.status();
    if (!this.#stopping) this.#tell('READY=1', `STATUS=${this.#status}`);
  }

  /** Around a new look at the configuration. A start or a stop is told as what it is. */
  reloading(reload: () => void): void {
    const tell = this.#signs !== undefined && !this.#stopping;
    if (tell) this.#tell('RELOADING=1', `MONOTONIC_USEC=${this.#options.monotonicMicroseconds()}`);
    reload();
    if (tell) this.#tell('READY=1');
  }

  stopping(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#tell('STOPPING=1', ...this.#extension());
  }

  tick(): void {
    this.#send();
    const { watchdogMs, startMs, log } = this.#options;
    if (!this.#signs) {
      const goesOn = this.#stopping || this.#now() - this.#startedAt < startMs;
      if (goesOn) this.#tell(...this.#extension());
      return;
    }
    const stuck = this.#signs.stuck(watchdogMs ?? PATIENCE_MS);
    if (stuck !== undefined && this.#stuck === undefined) log.error('stuck', { what: stuck });
    if (stuck === undefined && this.#stuck !== undefined) log.info('getting-on-again');
    this.#stuck = stuck;
    const notes: string[] = [];
    if (stuck === undefined && watchdogMs !== undefined) notes.push('WATCHDOG=1');
    if (stuck === undefined && this.#stopping) notes.push(...this.#extension());
    const status = stuck === undefined ? this.#signs.status() : `stuck: ${stuck}`;
    if (status !== this.#status) notes.push(`STATUS=${status}`);
    this.#status = status;
    if (notes.length > 0) this.#tell(...notes);
  }

  #extension(): string[] {
    return [`EXTEND_TIMEOUT_USEC=${EXTENSION_MS * 1000}`];
  }

  #tell(...notes: string[]): void {
    this.#unsent.push(notes.map(note => note.replaceAll(/\s+/g, ' ')).join('\n'));
    this.#send();
    // A sign of life is worth nothing later; what says where the program stands is.
    if (notes.every(note => /^(WATCHDOG|EXTEND_)/.test(note))) this.#unsent.pop();
    if (this.#unsent.length > KEPT) this.#unsent.shift();
  }

  #send(): void {
    try {
      for (let note = this.#unsent[0]; note !== undefined; note = this.#unsent[0]) {
        this.#options.send(note);
        this.#heard = true;
        this.#unsent.shift();
      }
      this.#muted = false;
    } catch (error) {
      if (!this.#muted) this.#options.log.warn('notify-error', { error: messageOf(error) });
      this.#muted = true;
    }
  }
}

export interface OpenLife extends Life {
  reloading(reload: () => void): void;
  stopping(): void;
  close(): Promise<void>;
}

const silent: OpenLife = { ...noLife, reloading: reload => reload(), stopping() {}, async close() {} };

/**
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child takes them for its own,
 * and speaks to who set them. `close` sends what is left and ends the ticks.
 */
export function openLife(
  environment: Record<string, string | undefined>,
  { log, startMs }: Pick<LifeOptions, 'log' | 'startMs'>,
): OpenLife {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: microseconds, WATCHDOG_PID: watched } = environment;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
  if (!socket) return silent;
  let way: ReturnType<typeof openNotifySocket>;
  try {
    way = openNotifySocket(socket);
  } catch (error) {
    log.warn('notify-error', { error: messageOf(error) });
    return silent;
  }
  const ours = !watched || Number(watched) === process.pid;
  const watchdogMs = ours && Number(microseconds) > 0 ? Number(microseconds) / 1000 : undefined;
  const life = new NotifyingLife({ ...way, watchdogMs, startMs, log });
  const ticks = setInterval(() => life.tick(), life.tickMs);
  ticks.unref();
  return {
    ready: signs => life.ready(signs),
    reloading: reload => life.reloading(reload),
    stopping: () => life.stopping(),
    async close() {
      clearInterval(ticks);
      for (let tries = 20; tries > 0 && life.isBehind; tries--) {
        await sleep(50);
        life.flush();
      }
    },
  };
}
