import { type SetTimer, within } from '../runtime/time.ts';
import type { Deps, Routes } from './deps.ts';
import { Problem } from './problem.ts';

/** How long a store or queue may take to count as ready, ms. */
const PATIENCE = 2_000;

/** Load balancers ask every few seconds, and each reading of the people costs money, ms. */
const PEOPLE_OLD = 10_000;

/** Liveness, and readiness: can it reach its queues and stores. */
export function healthRoutes({ requests, responses, input, output, people, setTimer }: Deps): Routes {
  const checks: Readonly<Record<string, () => Promise<unknown>>> = {
    requests: () => requests.depth(),
    responses: () => responses.depth(),
    input: () => input.get('readyz'),
    output: () => output.get('readyz'),
    people: () => people.refresh(PEOPLE_OLD),
  };
  return {
    '/healthz': { GET: () => Response.json({ status: 'ok' }) },
    '/readyz': {
      GET: async () => {
        const names = Object.keys(checks);
        const answers = await Promise.all(Object.values(checks).map(check => answersInTime(check, setTimer)));
        const failing = names.filter((_, i) => !answers[i]);
        if (failing.length === 0) return Response.json({ status: 'ready' });
        throw new Problem('not-ready', `No answer from: ${failing.join(', ')}. Try again in a few seconds.`, {
          headers: { 'retry-after': '5' },
          extra: { failing },
        });
      },
    },
  };
}

function answersInTime(check: () => Promise<unknown>, timer: SetTimer): Promise<boolean> {
  return within(PATIENCE, check, timer).then(
    () => true,
    () => false,
  );
}
