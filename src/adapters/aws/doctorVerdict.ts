import { messageOf } from '../../core/errors.ts';
import type { Program } from '../../variables.ts';
import { type AwsCall, type AwsErrorKind, codeOf, deniedAction, explain, statusOf } from './errors.ts';

export interface Finding {
  readonly ok: boolean;
  /** IAM action, such as `sqs:SendMessage`; `credentials` for what comes before all of them. */
  readonly action: string;
  /** What it is done to, such as `queue https://…/requests`. */
  readonly resource: string;
  /** Who needs it. */
  readonly program: readonly Program[];
  /** What to put right or, where all is well, what is worth knowing. */
  readonly advice?: string;
  /** Not well, and perhaps not ill: what AWS said does not settle it. */
  readonly uncertain?: true;
}

/** What somebody looking at an answer has to say about it. */
export type Remark = Pick<Finding, 'ok' | 'advice' | 'uncertain'> & {
  /** Do not ask anything more of this service. */
  readonly last?: true;
};

/** One question to AWS. It changes nothing, whatever the answer is. */
export interface Probe extends AwsCall {
  readonly programs: readonly Program[];
  /** The whole of which the resource is a part: without it, no part needs to be asked about. */
  readonly within?: string;
  /** Resolves to what there is to say of the answer; nothing where all is well. */
  ask(): Promise<readonly Remark[]>;
  /** Codes and statuses that only those get who may do this. */
  readonly passed: readonly (string | number)[];
  /** What an error is about, where it is not the whole call. */
  blame?(error: unknown): Partial<Pick<AwsCall, 'resource' | 'variable'>> | undefined;
  /** Other actions for which AWS may refuse this call, and which are asked for by themselves. */
  readonly besides?: readonly string[];
  /** Said with a denial: what else to look at. */
  readonly denialHint?: string;
  /** Why a denial may be none, if so. */
  readonly denialDoubt?: string;
}

export interface Verdict {
  readonly ok: boolean;
  readonly uncertain?: true;
  readonly advice?: string;
  readonly resource: string;
  /** What the answer makes pointless: more about this resource, this service, or all of AWS. */
  readonly skip?: 'resource' | 'service' | 'all';
}

/** Nothing else will work either. */
const hopeless: ReadonlySet<AwsErrorKind> = new Set([
  'no-credentials',
  'bad-credentials',
  'no-region',
  'clock',
]);
const skips: Partial<Record<AwsErrorKind, 'resource' | 'service'>> = {
  missing: 'resource',
  'wrong-region': 'resource',
  network: 'service',
  foreign: 'service',
};
/** These say something about the permission; all others leave it open. */
const telling: ReadonlySet<AwsErrorKind> = new Set([
  'access-denied',
  'missing',
  'wrong-region',
  'network',
  'foreign',
]);

/** What an error says of the permission that was asked about. */
export function verdictOf(probe: Probe, error: unknown): Verdict {
  if (hasPassed(probe, error)) return { ok: true, resource: probe.resource };
  const blamed = probe.blame?.(error);
  const call = { ...probe, ...blamed };
  const { kind, message } = explain(error, call);
  const { resource, variable } = call;
  // A code that means bad credentials elsewhere may be about one thing only, which is then to blame.
  if (hopeless.has(kind) && !blamed) return { ok: false, resource, advice: message, skip: 'all' };
  if (hopeless.has(kind)) return { ok: false, resource, advice: unusable(call, error) };
  const denied = kind === 'access-denied';
  const remedy = kind === 'other' && variable !== undefined ? `Check ${variable}.` : undefined;
  const uncertain = (denied && probe.denialDoubt !== undefined) || !(telling.has(kind) || blamed);
  const words = denied ? [message, probe.denialHint, probe.denialDoubt] : [message, remedy];
  const skip = skips[kind];
  return {
    ok: false,
    resource,
    advice: words.filter(word => word !== undefined).join(' '),
    ...(uncertain && { uncertain: true }),
    ...(skip && { skip }),
  };
}

function unusable({ action, resource, variable }: AwsCall, error: unknown): string {
  return `${action} may not use ${resource}: share it with this account, or correct ${variable}. AWS said: ${codeOf(error)}: ${messageOf(error)}`;
}

function hasPassed({ passed, besides = [] }: Probe, error: unknown): boolean {
  const code = codeOf(error);
  const full = error instanceof Error ? error.name : '';
  const status = statusOf(error);
  if (passed.includes(code) || passed.includes(full)) return true;
  // Where the resource itself is not there, the status is the same.
  if (status !== undefined && passed.includes(status) && code !== 'NoSuchBucket') return true;
  const denied = deniedAction(error);
  return denied !== undefined && besides.includes(denied);
}
