import { expect, test } from 'bun:test';
import { AwsError } from '../../../src/adapters/aws/errors.ts';
import { ImdsError } from '../../../src/adapters/aws/imds.ts';
import { type Patience, patiently } from '../../../src/adapters/aws/patience.ts';
import { SetupError, StoppedAtStart } from '../../../src/runtime/setup.ts';
import { recordingLog } from './recordingLog.ts';

const call = { service: 'SQS', action: 'sqs:GetQueueUrl', resource: 'queue q', variable: 'V' } as const;
const awsError = (name: string, message = name, status?: number) =>
  new AwsError(Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } }), call);

/** A clock that runs while somebody sleeps, and a record of the pauses and of what was logged. */
function patience(options: Partial<Omit<Patience, 'log'>> = {}) {
  let time = 0;
  const pauses: number[] = [];
  const log = recordingLog();
  return {
    pauses,
    log,
    seconds: 90,
    environment: {},
    now: () => time,
    timer: (run: () => void, ms: number) => {
      pauses.push(ms);
      time += ms;
      queueMicrotask(run);
      return () => {};
    },
    ...options,
  };
}

function failing(errors: readonly unknown[]): () => Promise<string> {
  const left = [...errors];
  return async () => {
    if (left.length === 0) return 'there';
    throw left.shift();
  };
}

const always = (error: unknown) => async () => {
  throw error;
};

for (const [what, error] of [
  ['no credentials', awsError('CredentialsProviderError')],
  ['credentials that are not known yet', awsError('InvalidClientTokenId')],
  ['no region', awsError('Error', 'Region is missing')],
  ['a permission', awsError('AccessDenied')],
  ['a clock that is being set', awsError('RequestTimeTooSkewed')],
  ['a name that is not resolved yet', awsError('ENOTFOUND')],
  ['a service that is down', awsError('InternalError', 'oh', 500)],
  ['the metadata service', new ImdsError('silent')],
] as const)
  test(`${what}: tried again after growing pauses, and told once`, async () => {
    const waiting = patience();
    expect(await patiently(waiting, failing([error, error, error]))).toBe('there');
    expect(waiting.pauses).toEqual([500, 1000, 2000]);
    expect(waiting.log.entries.map(({ level, event }) => [level, event])).toEqual([
      ['warn', 'waiting-for-aws'],
      ['info', 'aws-there'],
    ]);
    expect(waiting.log.entries[0]).toMatchObject({ error: error.message, waitSeconds: 90 });
  });

test('the last try is when the time is up; then an operator has to act', async () => {
  const waiting = patience();
  const error = awsError('AccessDenied');
  const failure = await patiently(waiting, always(error)).catch(failed => failed);
  expect(failure).toBeInstanceOf(SetupError);
  expect(failure.message).toBe(error.message);
  expect(waiting.pauses.reduce((sum, ms) => sum + ms)).toBe(90_000);
  expect(Math.max(...waiting.pauses)).toBe(10_000);
});

test('AWS’s own trouble is no fault of set-up', async () => {
  const error = awsError('InternalError', 'oh', 500);
  expect(await patiently(patience(), always(error)).catch(failed => failed)).toBe(error);
});

test('each thing that is missing is told', async () => {
  const waiting = patience();
  await patiently(waiting, failing([awsError('CredentialsProviderError'), awsError('AccessDenied')]));
  expect(waiting.log.entries.map(({ event }) => event)).toEqual([
    'waiting-for-aws',
    'waiting-for-aws',
    'aws-there',
  ]);
});

for (const [what, error, environment] of [
  ['a wrong region', awsError('PermanentRedirect'), {}],
  ['a missing queue', awsError('QueueDoesNotExist'), {}],
  ['a missing bucket', awsError('NoSuchBucket'), {}],
  ['an impossible name', awsError('InvalidParameterValue', 'no', 400), {}],
  ['a web server in the place of the service', awsError('NotFound', 'UnknownError', 404), {}],
  ['no region’s name', awsError('Error', 'Region not accepted: region="x y" is not valid'), {}],
  [
    'nobody to ask for credentials',
    awsError('CredentialsProviderError'),
    { AWS_EC2_METADATA_DISABLED: 'true' },
  ],
] as const)
  test(`${what} does not pass: no pause`, async () => {
    const waiting = patience({ environment });
    await expect(patiently(waiting, always(error))).rejects.toBeInstanceOf(SetupError);
    expect(waiting.pauses).toEqual([]);
    expect(waiting.log.entries).toEqual([]);
  });

test('the steps of a start share its time', async () => {
  const waiting = patience();
  await patiently(waiting, failing(Array(8).fill(awsError('AccessDenied'))));
  const spent = waiting.now();
  expect(spent).toBeGreaterThan(40_000);
  await expect(patiently(waiting, always(awsError('AccessDenied')))).rejects.toBeInstanceOf(SetupError);
  expect(waiting.now()).toBe(90_000);
});

test('patience 0 tries once', async () => {
  const waiting = patience({ seconds: 0 });
  await expect(patiently(waiting, always(awsError('AccessDenied')))).rejects.toBeInstanceOf(SetupError);
  expect(waiting.pauses).toEqual([]);
});

test('a fault of the program is not waited for', async () => {
  const fault = new TypeError('x');
  expect(await patiently(patience(), always(fault)).catch(failed => failed)).toBe(fault);
});

test('asked to stop, it ends at once: in a try that hangs, in a pause, and before the first try', async () => {
  for (const step of [() => new Promise<never>(() => {}), always(awsError('AccessDenied'))]) {
    const stop = new AbortController();
    const endless = patiently({ ...patience(), timer: () => () => {}, stop: stop.signal }, step);
    await Bun.sleep(0);
    stop.abort('SIGTERM');
    await expect(endless).rejects.toBeInstanceOf(StoppedAtStart);
    let tried = false;
    const late = patiently({ ...patience(), stop: stop.signal }, async () => {
      tried = true;
    });
    await expect(late).rejects.toBeInstanceOf(StoppedAtStart);
    expect(tried).toBe(false);
  }
});
