import { expect, test } from 'bun:test';
import { workerSettings } from '../../../src/adapters/aws/workerSettings.ts';
import { readConfig } from '../../../src/config.ts';
import { awsNames } from '../../support/awsNames.ts';

const environment = { ...awsNames, FACEREC_AMI: 'ami-1' };

test('workers send their heartbeats where their controller looks for them', () => {
  for (const own of [{}, { FACEREC_FLEET: 'second' }]) {
    const controller = { ...environment, ...own };
    expect(readConfig(workerSettings(controller)).fleet).toBe(readConfig(controller).fleet);
  }
});

test('a fleet’s name is a part of keys that no path can lead out of', () => {
  for (const name of ['.', '..', '.hidden', 'a/b', ''.padEnd(65, 'a')])
    expect(() => readConfig({ FACEREC_FLEET: name })).toThrow('FACEREC_FLEET');
  for (const name of ['a.b', '_', '-1']) expect(readConfig({ FACEREC_FLEET: name }).fleet).toBe(name);
});

test('settings of the controller alone, and credentials, stay with it', () => {
  const controller = { ...environment, AWS_REGION: 'eu-west-1', AWS_SECRET_ACCESS_KEY: 'secret' };
  const settings = workerSettings(controller);
  expect(settings).toMatchObject({ FACEREC_BACKEND: 'aws', AWS_REGION: 'eu-west-1' });
  expect(settings).not.toHaveProperty('FACEREC_AMI');
  expect(settings).not.toHaveProperty('AWS_SECRET_ACCESS_KEY');
});
