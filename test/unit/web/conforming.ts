import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Hono } from 'hono';
import type { Env } from '../../../src/web/deps.ts';
import { openApi, operations } from '../../../src/web/openapi/document.ts';

interface Media {
  readonly schema: object;
  readonly examples?: Readonly<Record<string, unknown>>;
}
interface ResponseObject {
  readonly content?: Readonly<Record<string, Media>>;
  readonly headers?: Readonly<Record<string, { readonly required: boolean }>>;
}

const document = openApi();
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ $id: 'document', ...document });
const validators = new Map<string, ValidateFunction>();

/** Operation and status, such as `POST / 202`, of every answer that was checked in this process. */
export const seen = new Set<string>();

/** The same application; every answer to `request` is held against the contract. */
export function conforming(app: Hono<Env>): Hono<Env> {
  const { request } = app;
  const checked: typeof request = async (input, init, ...rest) => {
    const response = await request(input, init, ...rest);
    const asked = String(input).replace(/^https?:\/\/[^/]+/, '');
    await check((init?.method ?? 'GET').toUpperCase(), asked.split('?')[0]!, response);
    return response;
  };
  return Object.assign(app, { request: checked });
}

/** Throws where the answer is another one than the document tells. */
export async function check(method: string, path: string, response: Response): Promise<void> {
  const route = Object.keys(operations).find(operation => isOf(operation, method, path));
  if (route === undefined || response.status === 405) return;
  const [, pattern = ''] = route.split(' ');
  const at = pattern.replaceAll(/:(\w+)/g, '{$1}');
  const verb = (method === 'HEAD' ? 'GET' : method).toLowerCase();
  const name = `${route} ${response.status}`;
  const operation = document.paths[at]?.[verb] as { responses: Record<string, ResponseObject> };
  const told = operation.responses[response.status];
  if (!told) throw new Error(`${name} is not in the document: ${await response.clone().text()}`);
  for (const [header, { required }] of Object.entries(told.headers ?? {}))
    if (required && !response.headers.has(header)) throw new Error(`${name} lacks the header ${header}`);
  if (method !== 'HEAD') await checkBody(name, told, response.clone() as Response);
  seen.add(name);
}

async function checkBody(name: string, told: ResponseObject, response: Response): Promise<void> {
  const text = await response.text();
  const type = (response.headers.get('content-type') ?? '').split(';')[0]!.toLowerCase();
  if (text === '' && told.content === undefined) return;
  const media = told.content?.[type];
  if (!media) throw new Error(`${name} came as ${type}, which is not in the document`);
  if (!type.endsWith('json')) return;
  const key = `${name} ${type}`;
  const pointed = JSON.parse(
    JSON.stringify(media.schema).replaceAll('"#/components', '"document#/components'),
  ) as object;
  const validate = validators.get(key) ?? ajv.compile(pointed);
  validators.set(key, validate);
  const body: unknown = JSON.parse(text);
  if (!validate(body)) throw new Error(`${name}: ${ajv.errorsText(validate.errors)} in ${text}`);
  const slug = (body as { type?: string }).type?.replace('urn:facerec:problem:', '');
  if (type === 'application/problem+json' && !Object.hasOwn(media.examples ?? {}, slug ?? ''))
    throw new Error(`${name}: the document does not tell of the problem ${slug}`);
}

function isOf(operation: string, method: string, path: string): boolean {
  const [verb, pattern = ''] = operation.split(' ');
  if (verb !== (method === 'HEAD' ? 'GET' : method)) return false;
  const expression = pattern.replaceAll('.', '\\.').replaceAll(/:(\w+)/g, '[^/]+');
  return new RegExp(`^${expression}$`).test(path);
}
