import { describe, expect, test } from 'bun:test';
import { ConfigError, readConfig } from '../../src/config.ts';
import { awsNames as names } from '../support/awsNames.ts';

function problems(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment, 4);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('defaults', () => {
  test('are the local backend on port 8000 and the seed parameters', () => {
    expect(readConfig({}, 4)).toMatchObject({
      aws: undefined,
      dataDirectory: 'data',
      host: undefined,
      port: 8000,
      reply: 'ack',
      maxUploadBytes: 10 * 1024 * 1024,
      threshold: undefined,
      pollSeconds: 20,
      maxReceives: 5,
      scaling: {
        min: 1,
        max: 4,
        launchBatch: 5,
        messagesPerInstance: 5,
        idleSeconds: 300,
        minRuntimeSeconds: 300,
      },
    });
  });

  test('an empty variable is an absent one', () => {
    expect(readConfig({ FACEREC_PORT: '' }).port).toBe(8000);
  });

  test('variables of others are none of our business', () => {
    expect(problems({ HOME: '/', PATH: '', MY_FACEREC_X: '1' })).toEqual([]);
  });
});

test('scaling is by the law unless the seed’s rule is asked for, the minimum runtime in seconds or auto', () => {
  expect(readConfig({}).scalingRule).toBe('law');
  const chosen = readConfig({ FACEREC_SCALING: 'seed', FACEREC_MIN_RUNTIME_SECONDS: 'auto' });
  expect(chosen).toMatchObject({ scalingRule: 'seed', scaling: { minRuntimeSeconds: 'auto' } });
  expect(readConfig({ FACEREC_MIN_RUNTIME_SECONDS: '0' }).scaling.minRuntimeSeconds).toBe(0);
  expect(problems({ FACEREC_SCALING: 'best', FACEREC_MIN_RUNTIME_SECONDS: '86401' })).toEqual([
    'FACEREC_SCALING: expected one of: law, seed, got "best"',
    'FACEREC_MIN_RUNTIME_SECONDS: expected a whole number from 0 to 86400, or auto, got "86401"',
  ]);
});

test('a start waits for 0 to 3,600 s', () => {
  expect(readConfig({}).startPatienceSeconds).toBe(30);
  expect(readConfig({ FACEREC_START_PATIENCE: '0' }).startPatienceSeconds).toBe(0);
  expect(problems({ FACEREC_START_PATIENCE: '3601' })).toEqual([
    'FACEREC_START_PATIENCE: expected a whole number from 0 to 3600, got "3601"',
  ]);
});

test('every problem is reported at once, by name', () => {
  const found = problems({
    FACEREC_PORT: '99999',
    FACEREC_REPLY: 'maybe',
    FACEREC_THRESHOLD: 'high',
    FACEREC_MIN_INSTANCES: '9',
    FACEREC_MAX_INSTANCES: '3',
    FACEREC_TRESHOLD: '0.4',
    FACEREC_QUITE_ANOTHER: '1',
  });
  expect(found).toEqual([
    'FACEREC_QUITE_ANOTHER: there is no such variable',
    'FACEREC_TRESHOLD: there is no such variable; did you mean FACEREC_THRESHOLD?',
    'FACEREC_PORT: expected a whole number from 0 to 65535, got "99999"',
    'FACEREC_REPLY: expected one of: ack, result, got "maybe"',
    'FACEREC_THRESHOLD: expected a number from -1 to 1, got "high"',
    'FACEREC_MIN_INSTANCES: 9 is more than FACEREC_MAX_INSTANCES, which is 3',
  ]);
});

test.each([
  ['FACREC_PORT', 'FACEREC_PORT'],
  ['FACEREC-PORT', 'FACEREC_PORT'],
  ['facerec_port', 'FACEREC_PORT'],
  ['FACERECPORT', 'FACEREC_PORT'],
  ['FACEREC_LOGLEVEL', 'FACEREC_LOG_LEVEL'],
])('%s is a slip of the pen, not silently ignored', (name, meant) => {
  expect(problems({ [name]: '1' })).toEqual([`${name}: there is no such variable; did you mean ${meant}?`]);
});

test('the environment goes before the file, whose problems are named too', () => {
  const file = { FACEREC_PORT: '1', FACEREC_REPLY: 'result' };
  expect(readConfig({ FACEREC_PORT: '2' }, 4, file)).toMatchObject({ port: 2, reply: 'result', file });
  expect(() => readConfig({}, 4, { FACEREC_PRT: '1' })).toThrow('FACEREC_PRT: there is no such variable');
});

test.each(['1e3', '0x10', ' ', '1.5', '-1', 'NaN', 'Infinity', '8000 '.repeat(2)])(
  'port %j is refused',
  port => {
    expect(problems({ FACEREC_PORT: port })).toHaveLength(1);
  },
);

test('a maximum below the default minimum contradicts nothing on one core', () => {
  expect(readConfig({ FACEREC_MIN_INSTANCES: '3' }, 1).scaling).toMatchObject({ min: 3, max: 3 });
  expect(readConfig({ FACEREC_MAX_INSTANCES: '2' }, 8).scaling).toMatchObject({ min: 1, max: 2 });
});

describe('the AWS backend', () => {
  test('has the defaults of the seed', () => {
    expect(readConfig(names, 2)).toMatchObject({
      host: undefined,
      scaling: { min: 5, max: 15, launchBatch: 5, messagesPerInstance: 5, idleSeconds: 300 },
      fleet: 'facerec',
      aws: { requestQueue: 'requests', spot: false, lease: true, subnets: [] },
    });
  });

  test('names all that is missing', () => {
    expect(problems({ FACEREC_BACKEND: 'aws' })).toEqual(
      Object.keys(names)
        .slice(1)
        .map(name => `${name}: needed for FACEREC_BACKEND=aws`),
    );
  });

  const urlOf = (name: string) => `https://sqs.us-east-1.amazonaws.com/123456789012/${name}`;
  const accessPoint = 'arn:aws:s3:eu-west-1:123456789012:accesspoint/photos';

  test.each([
    ['FACEREC_REQUEST_QUEUE', ['requests', 'My_Queue-1', urlOf('requests'), 'http://127.0.0.1:9324/queue/q']],
    ['FACEREC_OUTPUT_BUCKET', ['results', 'a.b-c', 'Old_Bucket', `x-${'a'.repeat(34)}-s3alias`, accessPoint]],
  ])('%s takes what AWS takes', (variable, values) => {
    for (const value of values) expect(() => readConfig({ ...names, [variable]: value })).not.toThrow();
  });

  test.each([
    ['FACEREC_REQUEST_QUEUE', ['my queue!', 'a'.repeat(81), 'arn:aws:sqs:us-east-1:123456789012:requests']],
    [
      'FACEREC_RESPONSE_QUEUE',
      ['responses.fifo', urlOf('responses.fifo'), 'https://sqs.us-east-1.amazonaws.com'],
    ],
    ['FACEREC_DEAD_LETTER_QUEUE', ['ftp://host/1/dead', 'dead/letters', 'http://']],
    ['FACEREC_INPUT_BUCKET', ['a/b', 's3://photos', 'ab', '-photos', 'ph otos', 'arn:aws:s3:::photos']],
    ['FACEREC_GALLERY_BUCKET', ['https://s3.amazonaws.com/people', 'arn:aws:s3:eu-west-1:1:bucket/people']],
  ])('%s refuses what AWS never takes', (variable, values) => {
    for (const value of values) {
      const told = problems({ ...names, [variable]: value });
      expect(told).toHaveLength(1);
      expect(told[0]).toStartWith(`${variable}: expected `);
    }
  });

  test('reads lists and versions', () => {
    const settings = {
      ...names,
      FACEREC_SUBNETS: 'subnet-1, subnet-2 subnet-3',
      FACEREC_LAUNCH_TEMPLATE: 'workers:7',
    };
    expect(readConfig(settings).aws).toMatchObject({
      subnets: ['subnet-1', 'subnet-2', 'subnet-3'],
      launchTemplate: { name: 'workers', version: '7' },
    });
    expect(problems({ ...settings, FACEREC_AMI: 'ami-1' })).toHaveLength(1);
  });
});
