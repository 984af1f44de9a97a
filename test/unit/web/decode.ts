import { type Request as PhotoRequest, parseRequest } from '../../../src/core/messages.ts';

/** The request in a message body, with the fields of every kind. */
export function decode(
  body: string | undefined,
): PhotoRequest & { threshold?: number | undefined; person?: string } {
  const parsed = parseRequest(body ?? '');
  if ('request' in parsed) return parsed.request;
  throw new Error(parsed.problem);
}
