import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { type ClientOptions, settings } from './clientSettings.ts';
import { Gate } from './gate.ts';
import { watchCalls } from './watchCalls.ts';

/** One process's connections to a region's queues. */
export interface SqsClients {
  /** For everything but receiving. */
  readonly calls: SQSClient;
  /** For receiving alone: polls that hold every socket of a pool for 20 s would hold up what is sent. */
  readonly polls: SQSClient;
}

/** SQS holds a long poll for up to 20 s; the answer has this long to come, ms. */
const pollMs = 30_000;
const callMs = 10_000;
/** More polls at once than any program makes. */
const pollSockets = 256;
/**
 * Calls at once. More wait here: the SDK counts waiting for a socket as connecting, and a burst would time out. There are
 * twice as many sockets, because a body is read after its call has passed.
 */
const callsAtOnce = 50;
const callSockets = 2 * callsAtOnce;

/**
 * Requests go to the configured endpoint, or to that of the region, whatever host a queue URL names: emulators hand out
 * URLs of hosts that do not exist.
 */
export function sqsClients(options: ClientOptions = {}): SqsClients {
  const client = (timeoutMs: number, sockets: number) =>
    new SQSClient({ ...settings(options, { timeoutMs, sockets }), useQueueUrlAsEndpoint: false });
  const calls = client(callMs, callSockets);
  const gate = new Gate(callsAtOnce);
  calls.middlewareStack.add(next => args => gate.pass(() => next(args)), { step: 'initialize' });
  const polls = client(pollMs, pollSockets);
  for (const each of [calls, polls]) watchCalls(each, options.onCall);
  return { calls, polls };
}

/** Checksums are the SDK's default; `AWS_REQUEST_CHECKSUM_CALCULATION` is for stores that know none. */
export function s3Client(options: ClientOptions = {}): S3Client {
  const client = new S3Client({
    ...settings(options, { timeoutMs: callMs, sockets: callSockets }),
    // It costs a new connection for each body over 2 MiB, outside the pool.
    expectContinueHeader: false,
  });
  const { endpointProvider } = client.config;
  client.config.endpointProvider = (parameters, context) =>
    endpointProvider({ ...parameters, ...(needsPaths(parameters) && { ForcePathStyle: true }) }, context);
  const gate = new Gate(callsAtOnce);
  client.middlewareStack.add(next => args => gate.pass(() => next(args)), { step: 'initialize' });
  watchCalls(client, options.onCall);
  return client;
}

/**
 * Buckets as host names need a wildcard in the DNS, which only AWS has. The endpoint may come from the environment or from
 * a file, which the SDK reads at the first call. Access points have host names only.
 */
function needsPaths({ Endpoint, Bucket = '' }: { Endpoint?: unknown; Bucket?: string | undefined }): boolean {
  return Endpoint !== undefined && !Bucket.startsWith('arn:');
}
