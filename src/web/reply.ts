import { stemOf } from '../core/fileName.ts';
import type { Failed, Result } from '../core/results.ts';
import { Problem } from './problem.ts';

export type Form = 'text/plain' | 'application/json';

export function resultPath(id: string): string {
  return `/results/${id}`;
}

/** 202: stored and queued, the result is to be asked for. */
export function queuedReply(id: string, headers: Readonly<Record<string, string>> = {}): Response {
  const result = resultPath(id);
  const body = { id, status: 'queued', result };
  return Response.json(body, { status: 202, headers: { location: result, 'retry-after': '1', ...headers } });
}

/** 200, in JSON whether done or failed; in plain text `<stem>:<label>`, where a failure is a 422 problem. */
export function resultReply(
  result: Result,
  form: Form,
  headers: Readonly<Record<string, string>> = {},
): Response {
  if (form === 'application/json') return Response.json(result, { headers });
  if (result.status === 'failed') throw photoFailed(result, headers);
  return new Response(plainText(result.file, 'label' in result ? result.label : result.person), {
    headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
  });
}

/** Exactly one colon, so that whatever follows it is the label. */
function plainText(file: string, label: string): string {
  return `${stemOf(file).replaceAll(':', '_')}:${label}`;
}

export function photoFailed(result: Failed, headers: Readonly<Record<string, string>> = {}): Problem {
  const extra = { id: result.id, reason: result.reason };
  return new Problem('photo-failed', result.detail, { headers, instance: resultPath(result.id), extra });
}
