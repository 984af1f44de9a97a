import { messageOf } from '../../core/errors.ts';

/** A call as its operator knows it. */
export interface AwsCall {
  readonly service: 'SQS' | 'S3' | 'EC2';
  /** The IAM action that it needs, such as `sqs:SendMessage`. */
  readonly action: string;
  /** What it is done to, such as `queue https://…/requests`. */
  readonly resource: string;
  /** The FACEREC_ variable that names the resource. */
  readonly variable?: string | undefined;
}

export type AwsErrorKind =
  | 'access-denied'
  | 'missing'
  | 'wrong-region'
  | 'no-region'
  | 'no-credentials'
  | 'bad-credentials'
  | 'clock'
  | 'throttled'
  | 'network'
  | 'unavailable'
  /** A request that no repetition makes acceptable, such as one with an impossible name. */
  | 'refused'
  /** The answer of something that is not the service. */
  | 'foreign'
  | 'other';

export interface Explanation {
  readonly kind: AwsErrorKind;
  /** A sentence for the operator: what failed, on what, and what to look at. */
  readonly message: string;
}

/** An SDK error with a message that an operator can act on; the SDK's own is the `cause`. */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly kind: AwsErrorKind;
  /** Whether what was asked for may have been done all the same: an answer was lost, perhaps that to an earlier try. */
  readonly mayBeDone: boolean;

  constructor(error: unknown, call: AwsCall) {
    const { kind, message } = explain(error, call);
    super(message, { cause: error });
    this.kind = kind;
    const refused = propertyOf(error, 'final') === true || turnedAway.has(kind);
    this.mayBeDone = !(refused && attemptsOf(error) === 1);
  }
}

/** An answer without what the service puts into each of its answers. */
export class ForeignAnswer extends Error {
  override readonly name = 'ForeignAnswer';
  readonly $metadata: unknown;

  constructor(message: string, { $metadata }: { readonly $metadata?: unknown }) {
    super(message);
    this.$metadata = $metadata;
  }
}

/** Kinds that the service gives before it does anything. */
const turnedAway: ReadonlySet<AwsErrorKind> = new Set([
  'access-denied',
  'missing',
  'wrong-region',
  'no-region',
  'no-credentials',
  'bad-credentials',
  'clock',
  'throttled',
  'refused',
]);

/** What an error of the SDK means for this call. */
export function explain(error: unknown, call: AwsCall): Explanation {
  const kind = kindOf(error);
  return { kind, message: sentence(kind, error, call) };
}

/** The error's code without the namespace that old protocols put before it: `AWS.SimpleQueueService.NonExistentQueue`. */
export function codeOf(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  return shortCode(name);
}

export function shortCode(code: string): string {
  return code.slice(Math.max(code.lastIndexOf('.'), code.lastIndexOf('#')) + 1);
}

/** HTTP status of the answer, or undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  return numberAt(metadataOf(error), 'httpStatusCode');
}

/** How often the SDK tried the call before it gave this error. */
export function attemptsOf(error: unknown): number {
  return numberAt(metadataOf(error), 'attempts') ?? 1;
}

export function isThrottle(code: string): boolean {
  return throttles.has(code);
}

const denials = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'UnauthorizedOperation',
  'AllAccessDisabled',
]);
const missing = new Set([
  'NoSuchBucket',
  'QueueDoesNotExist',
  'NonExistentQueue',
  'QueueDeletedRecently',
  // EC2's: InvalidAMIID.NotFound, InvalidLaunchTemplateName.NotFoundException and so on.
  'NotFound',
  'NotFoundException',
]);
const wrongRegions = new Set([
  'PermanentRedirect',
  'TemporaryRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
  'InvalidAddress',
]);
const badCredentials = new Set([
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'InvalidAccessKeyId',
  'InvalidToken',
  'ExpiredToken',
  'ExpiredTokenException',
  'TokenRefreshRequired',
  'AuthFailure',
  'MissingAuthenticationToken',
  'IncompleteSignature',
]);
const badSignatures = new Set(['SignatureDoesNotMatch', 'InvalidSignatureException']);
const wrongClocks = new Set(['RequestTimeTooSkewed', 'RequestExpired', 'RequestInTheFuture']);
/** Also those that the SDK gives before it sends anything. */
const refusals = new Set(['InvalidBucketName', 'InvalidParameterValue', 'EndpointError']);
const throttles = new Set([
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'EC2ThrottledException',
  'BandwidthLimitExceeded',
  'OverLimit',
  'ThrottlingError',
]);
/** Codes of Node's and Bun's sockets and resolvers, and the names that the SDK gives to time-outs. */
const networkFailures = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
  'ConnectionRefused',
  'ConnectionClosed',
  'FailedToOpenSocket',
  'TimeoutError',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

function kindOf(error: unknown): AwsErrorKind {
  const code = codeOf(error);
  const status = statusOf(error);
  const message = messageOf(error);
  if (code === 'CredentialsProviderError' || code === 'TokenProviderError') return 'no-credentials';
  if (/^region (is missing|not accepted)/i.test(message)) return 'no-region';
  if (badSignatures.has(code)) {
    if (/valid region|scoped to/i.test(message)) return 'wrong-region';
    return /expired|not yet current|too far/i.test(message) ? 'clock' : 'bad-credentials';
  }
  if (wrongClocks.has(code)) return 'clock';
  if (denials.has(code) || /AccessDenied/.test(code)) return 'access-denied';
  // S3 always says what is not there; this is a page that nobody knows.
  if (code === 'NotFound' && status === 404 && message === 'UnknownError') return 'foreign';
  if (missing.has(code)) return 'missing';
  if (wrongRegions.has(code) || status === 301 || status === 307) return 'wrong-region';
  if (badCredentials.has(code)) return 'bad-credentials';
  if (throttles.has(code) || status === 429) return 'throttled';
  if (isNetworkFailure(error)) return 'network';
  if (status === 403) return 'access-denied';
  if (status !== undefined && status >= 500) return 'unavailable';
  if (isForeign(error)) return 'foreign';
  if (refusals.has(code) || /^(Path-style addressing cannot|Invalid URL)/.test(message)) return 'refused';
  return status !== undefined && status >= 400 ? 'refused' : 'other';
}

/** The SDK could not read the answer. */
function isForeign(error: unknown): boolean {
  return error instanceof ForeignAnswer || /^ *Deserialization error:/m.test(messageOf(error));
}

/** The SDK and the runtime wrap what the socket said, up to a few levels deep. */
function isNetworkFailure(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > 4) return false;
  if (networkFailures.has(error.name)) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (networkFailures.has(code) || code.startsWith('ERR_SSL_')) return true;
  return isNetworkFailure(error.cause, depth + 1);
}

/** TLS was spoken to a port of plain HTTP. */
function isOtherProtocol(error: unknown): boolean {
  return /WRONG_VERSION_NUMBER/i.test(messageOf(error));
}

function sentence(kind: AwsErrorKind, error: unknown, call: AwsCall): string {
  const { service, action, variable } = call;
  const what = variable === undefined ? call.resource : `${call.resource} (${variable})`;
  const said = `${service} said: ${codeOf(error) || 'Error'}: ${messageOf(error)}`;
  const failed = `${action} on ${what} failed`;
  switch (kind) {
    case 'access-denied':
      return `${deniedAction(error) ?? action} on ${what} is denied: allow that action in the IAM policy of the role. ${said}`;
    case 'missing':
      return `${what} does not exist in this region and account: create it${variable ? `, or correct ${variable}` : ''}. ${said}`;
    case 'wrong-region': {
      const region = expectedRegion(error);
      const where = region === undefined ? 'another region' : `region ${region}`;
      return `${what} is in ${where}: set AWS_REGION${variable ? ` or ${variable}` : ''} accordingly. ${said}`;
    }
    case 'no-region':
      return `${failed}: no AWS region is configured; set AWS_REGION. ${said}`;
    case 'no-credentials':
      return `${failed}: no AWS credentials were found; attach an instance profile, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. ${said}`;
    case 'bad-credentials':
      return `${failed}: the AWS credentials are wrong, expired or revoked. ${said}`;
    case 'clock':
      return `${failed}: this machine's clock and AWS's differ too much, or the request was signed too long ago; synchronise the clock (NTP). ${said}`;
    case 'throttled':
      return `${failed}: ${service} limits the rate of requests; this passes, unless the account's quota is too small. ${said}`;
    case 'refused':
      return `${failed}: ${service} does not accept this${variable ? `; check ${variable}` : ''}. ${said}`;
    case 'foreign': {
      const status = statusOf(error);
      const answered = `The answer${status === undefined ? '' : ` (HTTP ${status})`} could not be understood`;
      return `${failed}: this does not look like ${service}; check AWS_ENDPOINT_URL_${service}. ${answered}: ${messageOf(error).split('\n')[0]}`;
    }
    case 'network':
      if (isOtherProtocol(error))
        return `${failed}: the server there does not speak TLS; check AWS_ENDPOINT_URL_${service}: http:// instead of https://?`;
      return `${failed}: ${service} cannot be reached; check the network, the security group, AWS_REGION and AWS_ENDPOINT_URL_${service}. The connection said: ${messageOf(error) || codeOf(error)}`;
    case 'unavailable':
      return `${failed}: ${service} is not available just now. ${said}`;
    case 'other':
      return `${failed}. ${said}`;
  }
}

/** AWS names the action that is really missing, which may be another, such as `kms:Decrypt`. */
export function deniedAction(error: unknown): string | undefined {
  return /not authorized to perform: ([a-z0-9-]+:\w+)/i.exec(messageOf(error))?.[1];
}

function expectedRegion(error: unknown): string | undefined {
  const told = /expecting '([a-z0-9-]+)'/.exec(messageOf(error))?.[1];
  if (told !== undefined) return told;
  const headers = propertyOf(propertyOf(error, '$response'), 'headers');
  const region = propertyOf(headers, 'x-amz-bucket-region') ?? propertyOf(error, 'Region');
  return typeof region === 'string' ? region : undefined;
}

function metadataOf(error: unknown): unknown {
  return propertyOf(error, '$metadata');
}

function numberAt(object: unknown, name: string): number | undefined {
  const value = propertyOf(object, name);
  return typeof value === 'number' ? value : undefined;
}

function propertyOf(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null ? Reflect.get(object, name) : undefined;
}
