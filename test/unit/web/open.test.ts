import { expect, test } from 'bun:test';
import { LocalBlobs } from '../../../src/adapters/local/blobs.ts';
import { readConfig } from '../../../src/config.ts';
import { SetupError } from '../../../src/runtime/setup.ts';
import { Keyring } from '../../../src/web/access/keyring.ts';
import { openAccess } from '../../../src/web/access/open.ts';
import { awsNames as aws } from '../../support/awsNames.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { memoryLog } from './support.ts';

async function opened(settings: Record<string, string>, key = false) {
  const store = await LocalBlobs.open(temporaryDirectory());
  if (key) await new Keyring({ store }).create({ name: 'me', scopes: ['admin'] });
  const log = memoryLog();
  try {
    const { host, access } = await openAccess(readConfig(settings), store, log);
    return { host, open: access.open, told: log.lines.map(({ event }) => event) };
  } finally {
    await store.close();
  }
}

test.each([
  ['the local backend', {}, false, '127.0.0.1', 'this-machine'],
  ['the local backend with a key', {}, true, '127.0.0.1', 'this-machine'],
  ['AWS with a key', aws, true, '0.0.0.0', 'nobody'],
  ['AWS, open', { ...aws, FACEREC_OPEN: 'on' }, false, '0.0.0.0', 'anyone'],
  ['a given address with a key', { FACEREC_HOST: '0.0.0.0' }, true, '0.0.0.0', 'nobody'],
] as const)('%s', async (_, settings, key, host, open) => {
  expect(await opened(settings, key)).toEqual({ host, open, told: [] });
});

test('AWS without a key serves this machine only, and says how to serve others', async () => {
  const told = ['this-machine-only'];
  expect(await opened(aws)).toEqual({ host: '127.0.0.1', open: 'this-machine', told });
});

test('a given address that others can reach is refused without a key', async () => {
  const refused = opened({ FACEREC_HOST: '0.0.0.0' });
  await expect(refused).rejects.toBeInstanceOf(SetupError);
  await expect(refused).rejects.toThrow(/keys create.*FACEREC_OPEN=on/);
});
