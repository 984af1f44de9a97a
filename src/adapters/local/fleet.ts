import type { Subprocess } from 'bun';
import type { Fleet, Instance, Log } from '../../ports.ts';
import { SetupError } from '../../runtime/setup.ts';
import { EXIT, RELOAD_LINE } from '../../runtime/shutdown.ts';
import { Backoff } from './backoff.ts';

export interface LocalFleetOptions {
  /** Program and arguments that start one worker. */
  readonly command: readonly string[];
  /** The workers' whole environment, but for FACEREC_INSTANCE_ID and FACEREC_LIFELINE, which are added. */
  readonly env: Readonly<Record<string, string>>;
  readonly log: Log;
  readonly now?: () => number;
  /** Of this process; the workers’ are those that follow, by slot. 0: free ones. undefined: none. */
  readonly metricsPort?: number | undefined;
}

interface Child {
  readonly process: Subprocess<'pipe', 'inherit', 'inherit'>;
  readonly id: string;
  readonly slot: number;
  readonly launchedAt: number;
  /** Asked to go, by `drain`, `terminate` or `close`. */
  dismissed: boolean;
}

/**
 * Workers as child processes. Each holds the read end of a pipe as its stdin (its life line), so that it notices the
 * death of this process, however sudden, and stops by itself.
 */
export class LocalFleet implements Fleet {
  readonly #command: string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #metricsPort: number | undefined;
  readonly #children = new Map<string, Child>();
  readonly #backoff = new Backoff();
  #closed = false;
  #unusable: SetupError | undefined;

  constructor({ command, env, log, now = Date.now, metricsPort }: LocalFleetOptions) {
    this.#command = [...command];
    this.#env = env;
    this.#log = log;
    this.#now = now;
    this.#metricsPort = metricsPort;
  }

  async list(): Promise<Instance[]> {
    if (this.#unusable) throw this.#unusable;
    return [...this.#children.values()].map(({ id, slot, launchedAt, dismissed }) => ({
      id,
      slot,
      launchedAt,
      state: dismissed ? 'draining' : 'running',
    }));
  }

  now(): number {
    return this.#now();
  }

  closedSlots(): number[] {
    return [];
  }

  /** Does nothing while workers die right after their start (see `Backoff`). Rejects when none can be started. */
  async launch(slots: readonly number[]): Promise<void> {
    if (this.#closed) throw new Error('the fleet is closed');
    const waitMs = this.#backoff.remaining(this.#now());
    if (waitMs > 0) {
      this.#log.debug('workers-held-back', { waitSeconds: waitMs / 1_000 });
      return;
    }
    for (const slot of new Set(slots)) {
      if (![...this.#children.values()].some(child => child.slot === slot)) this.#start(slot);
    }
  }

  async drain(ids: readonly string[]): Promise<void> {
    this.#dismiss(ids, 'SIGTERM');
  }

  async terminate(ids: readonly string[]): Promise<void> {
    this.#dismiss(ids, 'SIGKILL');
  }

  /** Asks all workers to read their configuration again. */
  reload(): void {
    const tell = async ({ process: { stdin } }: Child) => {
      await stdin.write(RELOAD_LINE);
      await stdin.flush();
    };
    // One that ends in this moment, or does not read its life line, has no use for it.
    for (const child of this.#children.values()) void tell(child).catch(() => {});
  }

  /** Asks all workers to stop, and ends those that are still there after `graceMs`. */
  async close(graceMs = 10_000): Promise<void> {
    this.#closed = true;
    const children = [...this.#children.values()];
    const ids = children.map(({ id }) => id);
    this.#dismiss(ids, 'SIGTERM');
    const timer = setTimeout(() => this.#dismiss(ids, 'SIGKILL'), graceMs);
    await Promise.all(children.map(child => child.process.exited));
    clearTimeout(timer);
  }

  #start(slot: number): void {
    const id = `app-tier-instance-${slot}-${crypto.randomUUID().slice(0, 8)}`;
    const launchedAt = this.#now();
    let process: Child['process'];
    try {
      process = Bun.spawn(this.#command, {
        env: {
          ...this.#env,
          ...metricsPortOf(slot, this.#metricsPort),
          FACEREC_INSTANCE_ID: id,
          FACEREC_LIFELINE: 'stdin',
        },
        stdin: 'pipe',
        stdout: 'inherit',
        stderr: 'inherit',
        // A process group of its own: Ctrl-C at the terminal reaches this process, which then stops the workers in order.
        detached: true,
      });
    } catch (error) {
      this.#backoff.died(0, this.#now());
      throw new Error(`cannot start a worker: ${this.#command[0]}`, { cause: error });
    }
    const child: Child = { process, id, slot, launchedAt, dismissed: false };
    this.#children.set(id, child);
    this.#log.info('worker-started', { instance: id, slot, workerPid: process.pid });
    void process.exited.then(() => this.#exited(child));
  }

  #exited(child: Child): void {
    const now = this.#now();
    const ageMs = now - child.launchedAt;
    const { exitCode, signalCode } = child.process;
    this.#children.delete(child.id);
    const fields = {
      instance: child.id,
      slot: child.slot,
      code: exitCode,
      signal: signalCode,
      ageSeconds: ageMs / 1_000,
    };
    if (exitCode === 0) this.#log.info('worker-exited', fields);
    else this.#log.warn('worker-exited', fields);
    if (exitCode === EXIT.config)
      this.#unusable = new SetupError(
        'workers cannot start: facerec-worker says above what is wrong with the set-up',
      );
    // SIGKILL comes from outside (an operator, the kernel short of memory): no sign that workers cannot start.
    if (child.dismissed || signalCode === 'SIGKILL') return;
    const waitMs = this.#backoff.died(ageMs, now);
    if (waitMs > 0) this.#log.warn('worker-died-early', { instance: child.id, waitSeconds: waitMs / 1_000 });
  }

  #dismiss(ids: readonly string[], signal: 'SIGTERM' | 'SIGKILL'): void {
    for (const id of ids) {
      const child = this.#children.get(id);
      if (child === undefined) continue;
      child.dismissed = true;
      child.process.kill(signal);
    }
  }
}

/** Programs on one machine cannot share a port. */
function metricsPortOf(slot: number, own: number | undefined): Record<string, string> {
  if (own === undefined) return {};
  return { FACEREC_METRICS_PORT: String(own === 0 ? 0 : own + 1 + slot) };
}
