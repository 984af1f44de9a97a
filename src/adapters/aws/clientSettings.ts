import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { type DefaultProviderInit, defaultProvider } from '@aws-sdk/credential-provider-node';
import type { Environment } from '../../config.ts';
import { SetupError } from '../../runtime/setup.ts';
import type { OnAwsCall } from './watchCalls.ts';

/** What the clients may be told; where nothing is said, the SDK's own chain of environment and files decides. */
export interface ClientOptions {
  readonly region?: string;
  /** Another server than AWS's for all of them. `AWS_ENDPOINT_URL` and its kin are read without it. */
  readonly endpoint?: string;
  readonly credentials?: NonNullable<S3ClientConfig['credentials']>;
  readonly onCall?: OnAwsCall | undefined;
}

export interface HttpLimits {
  /** Until the answer's head is there, and between two pieces of its body, ms. */
  readonly timeoutMs: number;
  /** Connections at once; further calls wait for one. */
  readonly sockets: number;
}

/** Connection attempts are given up after that, ms. */
const connectMs = 5_000;

/** For a request to the metadata service, ms, and how often one is repeated; the SDK's own are 1,000 and 0. */
const metadata = { timeout: 3_000, maxRetries: 2 };

/** What all clients have in common: no call waits for ever (the SDK's default), and each is tried five times. */
export function settings(options: ClientOptions, { timeoutMs, sockets }: HttpLimits) {
  const { region, endpoint, credentials } = options;
  return {
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
    credentialDefaultProvider: (input: DefaultProviderInit) => defaultProvider({ ...input, ...metadata }),
    // Three 503s in a row exhaust the default of 3.
    maxAttempts: 5,
    userAgentAppId: 'facerec',
    requestHandler: {
      connectionTimeout: connectMs,
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      socketTimeout: timeoutMs,
      httpAgent: { keepAlive: true, maxSockets: sockets },
      httpsAgent: { keepAlive: true, maxSockets: sockets },
    },
  };
}

/** Throws a SetupError that names the first `AWS_ENDPOINT_URL*` that is no URL. */
export function checkEndpoints(environment: Environment): void {
  for (const [name, value] of Object.entries(environment))
    if (value && /^AWS_ENDPOINT_URL(_S3|_SQS|_EC2)?$/.test(name) && !/^https?:$/.test(protocolOf(value)))
      throw new SetupError(`${name}: expected the URL of a service, http://… or https://…, got "${value}"`);
}

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : '';
}
