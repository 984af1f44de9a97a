import type { Result } from '../core/results.ts';

/** What a webhook is told. */
export interface WebhookEvent {
  readonly type: 'result.recognised' | 'result.enrolled' | 'result.failed';
  /** When it was noted, RFC 3339. */
  readonly timestamp: string;
  readonly data: Result;
}

export interface SignedWebhook {
  /** `whsec_…`, as the server told it when the webhook was added. */
  readonly secret: string;
  readonly headers: Headers | Readonly<Record<string, string | undefined>>;
  /** As received, before any parsing. */
  readonly body: string;
  /** How old it may be, seconds; 300 by default. */
  readonly toleranceSeconds?: number;
  /** ms since the epoch. */
  readonly now?: () => number;
}

/** What came, once it is sure that the server sent it, and lately (Standard Webhooks). Rejects otherwise. */
export async function verifyWebhook(received: SignedWebhook): Promise<WebhookEvent> {
  const { secret, headers, body, toleranceSeconds = 300, now = Date.now } = received;
  const header = (name: string) => (headers instanceof Headers ? headers.get(name) : headers[name]) ?? '';
  const [id, timestamp] = [header('webhook-id'), header('webhook-timestamp')];
  if (!(Math.abs(now() / 1_000 - Number(timestamp || Number.NaN)) <= toleranceSeconds))
    throw new Error('the timestamp is missing, or too far from now');
  const key = await crypto.subtle.importKey(
    'raw',
    bytesOf(secret.replace(/^whsec_/, '')),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['verify'],
  );
  const content = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  for (const signature of header('webhook-signature').split(' ')) {
    const [version, encoded = ''] = signature.split(',');
    if (version === 'v1' && (await crypto.subtle.verify('HMAC', key, bytesOf(encoded), content)))
      return JSON.parse(body) as WebhookEvent;
  }
  throw new Error('the signature is not that of this server');
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
}
