import { describe, expect, test } from 'bun:test';
import { isPublicAddress, urlProblem } from '../../../src/webhooks/address.ts';
import { send } from '../../../src/webhooks/send.ts';

describe('addresses that webhooks are not sent to', () => {
  test.each([
    ...[
      '127.0.0.1',
      '10.1.2.3',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
    ],
    ...['0.0.0.0', '255.255.255.255', '224.0.0.1', '198.18.0.1', '192.0.0.192'],
    ...[
      '::1',
      '::',
      'fe80::1',
      'fc00::1',
      'fd00:ec2::254',
      'ff02::1',
      '::ffff:127.0.0.1',
      '::ffff:a9fe:a9fe',
    ],
    ...['64:ff9b::7f00:1', '2002:7f00:1::', '2001:0:7f00:1::', '2001:db8::1', 'localhost', '', '1.2.3'],
  ])('%s', address => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each(['8.8.8.8', '172.15.0.1', '172.32.0.1', '100.128.0.1', '2a00:1450:4001::1', '2606:4700::1111'])(
    'but to %s they are',
    address => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  test.each([
    ...[
      'http://example.org/',
      'ftp://example.org',
      'https://u:p@example.org/',
      'https://example.org/#x',
      'x',
      '',
    ],
    ...[
      'https://127.0.0.1/',
      'https://[::1]/',
      'https://2130706433/',
      'https://0x7f.1/',
      'https://[::ffff:10.0.0.1]/',
    ],
    `https://example.org/${'x'.repeat(2_000)}`,
  ])('no webhook has the URL %s', url => {
    expect(urlProblem(url, false)).toBeString();
  });

  test('private ones are allowed where the operator says so', () => {
    for (const url of ['http://127.0.0.1:9000/x', 'https://10.0.0.1/'])
      expect(urlProblem(url, true)).toBeUndefined();
    expect(urlProblem('https://example.org/hook?x=1', false)).toBeUndefined();
  });

  test('a name that leads to one is found out when it is resolved', async () => {
    let asked = 0;
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response(String(++asked)) });
    const delivery = { headers: {}, body: '{}', url: `https://localhost:${server.port}/` };
    await expect(send({ ...delivery, privateAllowed: false })).rejects.toThrow('private address');
    const plain = { ...delivery, url: `http://localhost:${server.port}/` };
    expect(await send({ ...plain, privateAllowed: true })).toBe(200);
    expect(asked).toBe(1);
    await server.stop(true);
  });
});
