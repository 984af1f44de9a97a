import type { AwsCall } from '../../runtime/metrics.ts';
import { attemptsOf, codeOf, isThrottle, statusOf } from './errors.ts';

/** Called once a call has ended, with all its attempts. */
export type OnAwsCall = (call: AwsCall) => void;

interface Context {
  readonly clientName?: string;
  readonly commandName?: string;
}

type Handler = (args: never) => Promise<{ output: unknown }>;

interface WatchedClient {
  readonly middlewareStack: {
    add(
      middleware: (next: Handler, context: Context) => Handler,
      options: { step: 'initialize'; priority: 'high'; name: string },
    ): void;
  };
}

/** Tells of every call of the client. */
export function watchCalls(client: unknown, onCall: OnAwsCall | undefined): void {
  if (onCall === undefined) return;
  const { middlewareStack } = client as WatchedClient;
  middlewareStack.add(
    (next, { clientName = '', commandName = '' }) =>
      async args => {
        const service = clientName.replace(/Client$/, '').toLowerCase();
        const operation = commandName.replace(/Command$/, '');
        const tell = (outcome: AwsCall['outcome'], from: unknown) =>
          onCall({ service, operation, outcome, attempts: attemptsOf(from) });
        try {
          const result = await next(args);
          tell('ok', result.output);
          return result;
        } catch (error) {
          tell(outcomeOf(error), error);
          throw error;
        }
      },
    { step: 'initialize', priority: 'high', name: 'watchCalls' },
  );
}

/** Answers that the callers ask for: no such object, and a condition that does not hold. */
const expected = /^(NoSuchKey|NotFound|PreconditionFailed|ConditionalRequestConflict)$/;

/** A poll that was ended on purpose is no fault. */
function outcomeOf(error: unknown): AwsCall['outcome'] {
  const code = codeOf(error);
  const status = statusOf(error);
  if (code === 'AbortError' || expected.test(code)) return 'ok';
  if (isThrottle(code) || status === 429) return 'throttled';
  if (status === undefined) return 'unanswered';
  return status >= 500 ? 'failed' : 'refused';
}
