import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { Ec2Host } from '../../../src/adapters/aws/host.ts';
import { Imds, ImdsError } from '../../../src/adapters/aws/imds.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { type ImdsServer, startImds } from '../../support/ec2/imds.ts';
import { recordingLog } from './recordingLog.ts';

const instanceId = 'i-0123456789abcdef0';
let time = 1_800_000_000_000;
let tags = new Map<string, string>();
let server: ImdsServer;

beforeEach(() => {
  tags = new Map();
  server = startImds({ instanceId, tags: () => tags, now: () => time });
});
afterEach(() => server.close());

const tokens = () => server.calls.get('/latest/api/token') ?? 0;
const imdsWith = (options = {}) => new Imds({ endpoint: server.url, now: () => time, ...options });
const hostWith = (options = {}) =>
  Ec2Host.open({ endpoint: server.url, now: () => time, log: silentLog, ...options });

describe('Imds', () => {
  test('one session token for many questions, renewed before it ends', async () => {
    const imds = imdsWith({ tokenSeconds: 100 });
    expect(await imds.get('instance-id')).toBe(instanceId);
    expect(await imds.get('placement/region')).toBe('us-east-1');
    expect(tokens()).toBe(1);
    time += 89_000;
    await imds.get('instance-id');
    expect(tokens()).toBe(1);
    time += 1_000;
    await imds.get('instance-id');
    expect(tokens()).toBe(2);
  });

  test('a new token after 401', async () => {
    const imds = imdsWith();
    await imds.get('instance-id');
    server.forgetTokens();
    expect(await imds.get('instance-id')).toBe(instanceId);
    expect(tokens()).toBe(2);
  });

  test('404 is an answer; all else is none', async () => {
    const imds = imdsWith({ timeoutMs: 50, endpoint: `${server.url}/` });
    expect(await imds.get('spot/instance-action')).toBeUndefined();
    server.mode = 'failing';
    await expect(imds.get('instance-id')).rejects.toBeInstanceOf(ImdsError);
    server.mode = 'silent';
    await expect(imds.get('instance-id')).rejects.toBeInstanceOf(ImdsError);
    await server.close();
    await expect(imds.get('instance-id')).rejects.toBeInstanceOf(ImdsError);
  });
});

describe('Ec2Host', () => {
  test('is the instance that the metadata service names', async () => {
    expect((await hostWith()).id).toBe(instanceId);
  });

  test('does not open where no instance id is told', async () => {
    const other = startImds({ instanceId: '<html>' });
    await expect(Ec2Host.open({ endpoint: other.url, log: silentLog })).rejects.toThrow('instance id');
    await other.close();
  });

  test('a drain tag is a drain', async () => {
    const host = await hostWith();
    expect(await host.drainRequested()).toBeUndefined();
    tags.set('facerec-drain', '2026-11-23T12:00:00.000Z');
    expect(await host.drainRequested()).toBe('leave granted: 2026-11-23T12:00:00.000Z');
  });

  test('a spot notice is a drain; a recommendation to rebalance is none', async () => {
    const host = await hostWith();
    expect(await host.drainRequested()).toBeUndefined();
    server.interrupt(time + 120_000);
    expect(await host.drainRequested()).toMatch(/^spot interruption: terminate at 20/);
  });

  test('a metadata service that fails says neither yes nor no, and is complained about once', async () => {
    const log = recordingLog();
    const host = await hostWith({ log, timeoutMs: 50 });
    for (const mode of ['failing', 'silent', 'failing'] as const) {
      server.mode = mode;
      expect(await host.drainRequested()).toBeUndefined();
    }
    tags.set('facerec-drain', 'now');
    server.mode = 'answering';
    expect(await host.drainRequested()).toBe('leave granted: now');
    expect(log.entries.map(({ event }) => event)).toEqual([
      'instance-metadata-silent',
      'instance-metadata-back',
    ]);
  });

  test('leaves by powering off, and outlives that it cannot', async () => {
    let off = 0;
    await (await hostWith({ powerOff: async () => void off++ })).leave();
    expect(off).toBe(1);
    const log = recordingLog();
    const fails = async () => {
      throw new Error('no systemd here');
    };
    await (await hostWith({ log, powerOff: fails })).leave();
    expect(log.entries).toMatchObject([{ event: 'power-off-left-to-unit', error: 'no systemd here' }]);
  });
});
