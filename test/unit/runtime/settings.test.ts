import { expect, test } from 'bun:test';
import { ConfigError } from '../../../src/config.ts';
import { environmentElsewhere, Settings } from '../../../src/runtime/settings.ts';

function settings(first: string, environment: Readonly<Record<string, string>> = {}) {
  const file = { text: first };
  const made = new Settings({ FACEREC_CONFIG: '/etc/facerec.env', ...environment }, path => {
    expect(path).toBe('/etc/facerec.env');
    if (file.text === 'gone') throw new Error('ENOENT: no such file');
    return file.text;
  });
  return { made, file };
}

test('the environment goes before the file, and the file before the defaults', () => {
  const { made } = settings('FACEREC_PORT=1\nFACEREC_POLL_SECONDS=2\nFACEREC_DATA=there', {
    FACEREC_PORT: '3',
    FACEREC_DATA: '',
  });
  expect(made.config).toMatchObject({ port: 3, pollSeconds: 2, dataDirectory: 'there', maxReceives: 5 });
});

test('a reload changes what can be reloaded, in place, and keeps the rest', () => {
  const { made, file } = settings('FACEREC_MAX_INSTANCES=3\nFACEREC_POLL_SECONDS=2\nFACEREC_LOG_LEVEL=info');
  const { config } = made;
  file.text = 'FACEREC_MAX_INSTANCES=7\nFACEREC_POLL_SECONDS=9\nFACEREC_PORT=1\nFACEREC_PHOTO_DAYS=1';
  expect(made.reload('controller')).toEqual({
    kind: 'reloaded',
    changed: ['FACEREC_PHOTO_DAYS', 'FACEREC_MAX_INSTANCES'],
    needRestart: ['FACEREC_POLL_SECONDS'],
    overridden: [],
  });
  expect(config).toMatchObject({ pollSeconds: 2, port: 8000, photoDays: 1, scaling: { max: 7 } });
  // What needs a restart is told again until there is one.
  expect(made.reload('web')).toMatchObject({
    changed: [],
    needRestart: ['FACEREC_PORT', 'FACEREC_POLL_SECONDS'],
  });
});

test('what contradicts each other, or is no file at all, changes nothing', () => {
  const { made, file } = settings('FACEREC_MAX_INSTANCES=3');
  const before = structuredClone(made.config);
  for (const [text, problem] of [
    ['FACEREC_LOG_LEVEL=debug\nFACEREC_MAX_INSTANCES=3\nFACEREC_MIN_INSTANCES=4', /FACEREC_MIN_INSTANCES: 4/],
    ['FACEREC_LOG_LEVEL=debug\nFACEREC_LOG_LVL=info', /FACEREC_LOG_LVL: there is no such variable/],
    ['FACEREC_LOG_LEVEL=debug\nnonsense', /FACEREC_CONFIG: \/etc\/facerec.env, line 2: expected/],
    ['gone', /FACEREC_CONFIG: ENOENT/],
  ] as const) {
    file.text = text;
    expect(made.reload('controller')).toEqual({
      kind: 'refused',
      problems: [expect.stringMatching(problem)],
    });
    expect(made.config).toEqual(before);
  }
});

test('what the environment sets stays, and is named', () => {
  const { made, file } = settings('', { FACEREC_LOG_LEVEL: 'warn' });
  file.text = 'FACEREC_LOG_LEVEL=debug';
  expect(made.reload('web')).toEqual({
    kind: 'reloaded',
    changed: [],
    needRestart: [],
    overridden: ['FACEREC_LOG_LEVEL'],
  });
  expect(made.config.logLevel).toBe('warn');
});

test('without a file there is nothing to reload', () => {
  expect(new Settings({}).reload('web')).toEqual({ kind: 'no-file' });
  expect(() => settings('gone')).toThrow(ConfigError);
});

test('machines elsewhere get what the file says, not its name', () => {
  const { made } = settings('FACEREC_PORT=1\nFACEREC_DATA=x');
  const environment = {
    FACEREC_CONFIG: '/etc/facerec.env',
    FACEREC_PORT: '2',
    FACEREC_DATA: '',
    AWS_REGION: 'r',
  };
  expect(environmentElsewhere(made.config, environment)).toEqual({
    FACEREC_PORT: '2',
    FACEREC_DATA: 'x',
    AWS_REGION: 'r',
  });
});
