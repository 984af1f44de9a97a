import { preferred } from './accept.ts';
import { page, policy } from './dashboard/page.ts';
import type { Deps, Routes } from './deps.ts';

const links = {
  upload: 'POST / multipart/form-data, field inputFile; ?wait=SECONDS, ?threshold=NUMBER',
  result: 'GET /results/{id}; ?wait=SECONDS',
  people: 'GET /people; ?q=TEXT, ?limit=NUMBER, ?cursor=NEXT',
  person: 'GET, PUT, DELETE /people/{id}',
  enrol: 'POST /people/{id}/faces multipart/form-data, field inputFile; ?wait=SECONDS',
  face: 'GET, DELETE /people/{id}/faces/{face}',
  picture: 'GET /people/{id}/faces/{face}/photo',
  merge: 'POST /people/{id}/merge {"from": "…"}',
  events: 'GET /events server-sent events',
  deadLetters: 'GET /dead-letters, POST /dead-letters/{id}/redrive',
  health: 'GET /healthz',
  readiness: 'GET /readyz',
};

/** `GET /`: a page for browsers, what there is for everybody else. */
export function homeRoutes({ options }: Deps): NonNullable<Routes[string]> {
  const { version } = options;
  return {
    GET: c =>
      preferred(c.req.header('accept') ?? null, ['application/json', 'text/html']) === 'text/html'
        ? c.html(page, 200, { 'content-security-policy': policy, 'referrer-policy': 'no-referrer' })
        : Response.json({ service: 'facerec', ...(version && { version }), links }),
  };
}
