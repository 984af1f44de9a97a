import type { JsonSchema } from '@valibot/to-json-schema';
import { neededFor } from '../access/scopes.ts';
import type { Routes } from '../deps.ts';
import { catalogue, type ProblemSlug } from '../problem.ts';
import { compreface } from './compreface.ts';
import type { Answer, Media, Operation, Operations } from './operation.ts';
import { people } from './people.ts';
import { recognition } from './recognition.ts';
import { jsonSchemas, schemaRef } from './schemas.ts';
import { service } from './service.ts';
import { delivered, webhooks } from './webhooks.ts';

export const operations: Operations = { ...recognition, ...people, ...webhooks, ...compreface, ...service };

/** `GET /openapi.json`. */
export function openApiRoutes(version: string | undefined): Routes {
  const headers = { 'content-type': 'application/json' };
  let text: string | undefined;
  return {
    '/openapi.json': {
      GET: () => {
        text ??= JSON.stringify(openApi(version));
        return new Response(text, { headers });
      },
    },
  };
}

/** The contract, as OpenAPI 3.1. */
export function openApi(version = '0.0.0') {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [route, operation] of Object.entries(operations)) {
    const [method = '', path = ''] = route.split(' ');
    const at = path.replaceAll(/:(\w+)/g, '{$1}');
    paths[at] = { ...paths[at], [method.toLowerCase()]: operationObject(method, path, operation) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'facerec',
      version,
      description:
        'Names the faces in photographs. Errors are problem details (RFC 9457); programs may rely on `type`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(Object.values(operations).map(({ tag }) => tag))].map(name => ({ name })),
    paths,
    webhooks: delivered,
    components: { schemas: jsonSchemas(), securitySchemes },
  };
}

const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A key: `facerec-web keys create`.' },
  apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
  session: { type: 'apiKey', in: 'cookie', name: 'facerec_session', description: 'See `POST /session`.' },
};

/** Problems that a route may answer with, whatever it does. */
function problemsOf(method: string, path: string, { problems = [] }: Operation): ProblemSlug[] {
  const isGuarded = neededFor(method, path).length > 0;
  return [
    ...problems,
    ...(isGuarded ? (['unauthorized', 'forbidden', 'foreign-host', 'too-many-requests'] as const) : []),
    ...(method === 'GET' ? [] : (['cross-site'] as const)),
    'storage-unavailable',
    'internal',
  ];
}

function operationObject(method: string, path: string, operation: Operation) {
  const { id, tag, summary, description, parameters, body } = operation;
  const needed = neededFor(method, path);
  const security = Object.keys(securitySchemes).map(name => ({ [name]: needed }));
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(parameters && { parameters }),
    ...(body && { requestBody: body }),
    responses: responses(operation.answers, problemsOf(method, path, operation)),
    // Without keys a server is open to its own machine: the last, empty, requirement.
    security: needed.length === 0 ? [] : [...security, {}],
  };
}

function responses(answers: Operation['answers'], slugs: readonly ProblemSlug[]) {
  const byStatus = Map.groupBy(new Set(slugs), slug => catalogue[slug][0] as number);
  const statuses = [...new Set([...Object.keys(answers).map(Number), ...byStatus.keys()])].sort();
  return Object.fromEntries(
    statuses.map(status => [status, response(answers[status], byStatus.get(status) ?? [])]),
  );
}

function response(answer: Answer | undefined, slugs: readonly ProblemSlug[]) {
  const described = [
    ...(answer ? [answer.description] : []),
    ...slugs.map(slug => `\`${slug}\`: ${catalogue[slug][1]}.`),
  ];
  const content: Record<string, Media | ReturnType<typeof problemMedia>> = { ...answer?.content };
  if (slugs.length > 0) content['application/problem+json'] = problemMedia(slugs);
  const string: JsonSchema = { type: 'string' };
  const headers = Object.entries(answer?.headers ?? {}).map(([name, description]) => [
    name,
    // Where a problem may be the answer, the header may be missing.
    { description, required: slugs.length === 0, schema: string },
  ]);
  return {
    description: described.join(' '),
    ...(Object.keys(content).length > 0 && { content }),
    ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
  };
}

function problemMedia(slugs: readonly ProblemSlug[]) {
  const examples = slugs.map(slug => {
    const [status, title] = catalogue[slug];
    return [slug, { value: { type: `urn:facerec:problem:${slug}`, title, status, detail: `${title}.` } }];
  });
  return { schema: schemaRef('Problem'), examples: Object.fromEntries(examples) };
}
