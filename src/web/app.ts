import { Hono } from 'hono';
import { routePath } from 'hono/route';
import { messageOf } from '../core/errors.ts';
import { continueTrace, traceIdOf } from '../core/trace.ts';
import { setTimer } from '../runtime/time.ts';
import { guard, leadToLogin } from './access/guard.ts';
import { sessionRoutes } from './access/session.ts';
import { batchRoutes, DEFAULT_BATCH_BYTES } from './batch/batch.ts';
import { comprefaceRoutes } from './compreface/routes.ts';
import { keyOfPath, STATIC } from './compreface/static.ts';
import { assetRoutes } from './dashboard/assets.ts';
import { deadLetterRoutes } from './deadLetters.ts';
import type { AppDeps, Deps, Env, Routes } from './deps.ts';
import { Directory } from './directory.ts';
import { Events } from './events.ts';
import { faceRoutes } from './faces.ts';
import { healthRoutes } from './health.ts';
import { homeRoutes } from './home.ts';
import { UploadMemory } from './memory.ts';
import { mergeRoutes } from './merge.ts';
import { WebMetrics } from './metrics.ts';
import { openApiRoutes } from './openapi/document.ts';
import { peopleRoutes } from './people.ts';
import { Problem, problemOf } from './problem.ts';
import { recogniseRoutes } from './recognise.ts';
import { listingRoutes, resultRoutes } from './results.ts';
import { webhookRoutes } from './webhooks.ts';

/** Bytes; of all uploads that are being read or stored. */
const UPLOADS_IN_MEMORY = 256 * 1024 * 1024;

/** The web service without a port: `app.fetch` for servers, `app.request` for tests. */
export function createApp(given: AppDeps): Hono<Env> {
  const { maxUploadBytes, maxBatchBytes = DEFAULT_BATCH_BYTES } = given.options;
  const memory = new UploadMemory(Math.max(UPLOADS_IN_MEMORY, 2 * maxUploadBytes, 2 * maxBatchBytes));
  const doubts = async () => [];
  const defaults = { doubts, now: Date.now, newId: Bun.randomUUIDv7, setTimer, keepOpen: () => {}, memory };
  const { requests, waiting } = given;
  const metrics = given.metrics ?? new WebMetrics({ requests, waiting: () => waiting.size });
  const directory = new Directory(given.people.gallery);
  const deps: Deps = { ...defaults, directory, ...given, metrics };
  const app = new Hono<Env>();
  logRequests(app, deps);
  refuseOtherSites(app);
  app.get('/', leadToLogin(deps.access));
  app.get(STATIC, keyOfPath);
  addRoutes(app, deps, {
    '/': { ...homeRoutes(deps), ...recogniseRoutes(deps) },
    ...batchRoutes(deps),
    '/results': listingRoutes(deps),
    '/results/:id': resultRoutes(deps),
    ...peopleRoutes(deps),
    ...faceRoutes(deps),
    ...mergeRoutes(deps),
    ...deadLetterRoutes(deps),
    '/events': {
      GET: c =>
        c.req.method === 'HEAD'
          ? Events.head()
          : deps.events.listen(c.req.raw.signal, c.req.header('last-event-id')),
    },
    ...assetRoutes,
    ...sessionRoutes(deps.access, deps.now),
    ...webhookRoutes(deps, deps.gallery),
    ...comprefaceRoutes(deps),
    ...healthRoutes(deps),
    ...metrics.routes(),
    ...openApiRoutes(deps.options.version),
  });
  app.notFound(() => new Problem('no-such-page', 'GET / lists what there is.').toResponse());
  app.onError((error, c) => {
    const requestId = c.get('requestId');
    const problem = problemOf(error, requestId);
    if (problem.status >= 500 && !c.req.raw.signal.aborted)
      deps.log.error('request-failed', {
        request: requestId,
        trace: traceIdOf(c.get('trace')),
        error: messageOf(problem.cause ?? error),
      });
    return problem.toResponse();
  });
  return app;
}

/** A page of another site can make a browser post here; what it must not do is change anything. */
function refuseOtherSites(app: Hono<Env>): void {
  app.use(async (c, next) => {
    const site = c.req.header('sec-fetch-site') ?? 'none';
    if (!['GET', 'HEAD'].includes(c.req.method) && !['none', 'same-origin'].includes(site))
      throw new Problem('cross-site', 'Send it from a page of this server, or without a browser.');
    await next();
  });
}

/** Other methods of a known path are 405. */
function addRoutes(app: Hono<Env>, { access }: Deps, routes: Routes): void {
  for (const [path, handlers] of Object.entries(routes)) {
    // Clients of CompreFace send trailing slashes, as its documentation does.
    const paths = path.startsWith('/api/') ? [path, `${path}/`] : [path];
    for (const [method, handler] of Object.entries(handlers))
      app.on(method, paths, guard(access, method, path), handler);
    const methods = Object.keys(handlers);
    const allow = (methods.includes('GET') ? ['GET', 'HEAD', ...methods.slice(1)] : methods).join(', ');
    app.all(path, () => {
      throw new Problem('method-not-allowed', `Use ${allow} here.`, { headers: { allow } });
    });
  }
}

/** One line a request; paths, queries and file names are left out, because they may tell who somebody is. */
function logRequests(app: Hono<Env>, { log, now, newId, metrics }: Deps): void {
  app.use(async (c, next) => {
    const start = now();
    const requestId = newId();
    const trace = continueTrace(c.req.header('traceparent'));
    c.set('requestId', requestId);
    c.set('trace', trace);
    await next();
    c.header('x-content-type-options', 'nosniff');
    if (!c.res.headers.has('cache-control')) c.header('cache-control', 'no-store');
    c.header('x-request-id', requestId);
    c.header('traceparent', trace);
    const route = routePath(c, -1);
    // Asked every few seconds, by machines.
    const level = ['/healthz', '/metrics'].includes(route) ? 'debug' : 'info';
    const status = c.req.raw.signal.aborted ? 499 : c.res.status;
    metrics.request(c.req.method, route, status, now() - start);
    log[level]('request', {
      request: requestId,
      trace: traceIdOf(trace),
      method: c.req.method,
      route,
      status,
      ms: now() - start,
      bytes: Number(c.req.header('content-length') ?? 0),
      key: c.get('caller')?.id,
    });
  });
}
