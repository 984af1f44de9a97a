import type { Scope } from './keys.ts';

/** One of these is needed; none where anybody may. */
export type Needed = readonly Scope[];

const anybody: Needed = [];

/** The first that fits counts. Routes that are not named here are for `admin`, so that none is open by oversight. */
const rules: readonly (readonly [RegExp, Needed])[] = [
  [/^GET \/$/, anybody],
  [/^GET \/(healthz|readyz|openapi\.json|login|assets\/.*)$/, anybody],
  [/^\w+ \/session$/, anybody],
  [/^GET \/events$/, ['recognise']],
  [/^GET \/metrics$/, ['metrics']],
  [/^POST \/(batch)?$/, ['recognise']],
  [/^GET \/results$/, ['recognise']],
  // Also the results of enrolments.
  [/^GET \/results\//, ['recognise', 'people']],
  [/^\w+ \/people(\/|$)/, ['people']],
  [/^POST \/api\/v1\/(recognition\/recognize|detection\/detect)$/, ['recognise']],
  [/^\w+ \/api\/v1\/(recognition|static)\//, ['people']],
];

/** What is needed for a route, given as it is declared (`/people/:id`). `admin` is enough for every one. */
export function neededFor(method: string, route: string): Needed {
  return rules.find(([pattern]) => pattern.test(`${method} ${route}`))?.[1] ?? ['admin'];
}
