/** What can go wrong with the next calls of an action. */
export type Fault =
  /** Answered with an error, and nothing done. */
  | { readonly kind: 'error'; readonly code: string; readonly message?: string; readonly status?: number }
  /** Done, and the connection cut before the answer. */
  | { readonly kind: 'lost-reply' }
  /** The connection cut, and nothing done. */
  | { readonly kind: 'lost-request' };

interface Planned {
  readonly action: string;
  readonly fault: Fault;
  times: number;
}

/** Faults to come and permissions that are missing. */
export class Faults {
  readonly #planned: Planned[] = [];
  /** IAM actions that are denied, such as `ec2:RunInstances`. */
  readonly denied = new Set<string>();

  /** The next `times` calls of the action meet the fault. */
  next(action: string, fault: Fault, times = 1): void {
    this.#planned.push({ action, fault, times });
  }

  take(action: string): Fault | undefined {
    const planned = this.#planned.find(each => each.action === action && each.times > 0);
    if (planned === undefined) return undefined;
    planned.times--;
    return planned.fault;
  }

  clear(): void {
    this.#planned.length = 0;
  }
}
