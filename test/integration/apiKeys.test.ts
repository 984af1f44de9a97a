import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { run } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const settings = (directory: string) => ({ FACEREC_DATA: join(directory, 'data'), FACEREC_PORT: '0' });

async function keys(directory: string, ...words: string[]) {
  const running = run('src/web.ts', settings(directory), ['keys', ...words]);
  const code = await running.child.exited;
  await running.end();
  return { code, output: running.output() };
}

test('keys made, listed and revoked by command reach a running server within seconds', async () => {
  const directory = temporaryDirectory();
  const server = run('src/web.ts', settings(directory));
  const [, url] = await server.said(/listens on (\S+)/);
  const status = async (token?: string) => {
    const headers = token === undefined ? {} : { 'x-api-key': token };
    return (await fetch(new URL('people', url), { headers })).status;
  };
  const becomes = async (wanted: number, token?: string) => {
    for (let left = 100; (await status(token)) !== wanted; left--) {
      if (left === 0) throw new Error(`no ${wanted} in ten seconds`);
      await Bun.sleep(100);
    }
  };
  expect(await status()).toBe(200);

  const created = await keys(directory, 'create', '--name', 'camera', '--scope=recognise,people');
  expect(created.code).toBe(0);
  const [token = '', id = ''] = /facerec_([0-9a-f]{12})_\S+/.exec(created.output) ?? [];
  await becomes(401);
  expect(await status(token)).toBe(200);

  const short = await keys(directory, 'create', '--name', 'guest', '--scope', 'people', '--expires', '90d');
  expect(short.code).toBe(0);
  const listed = await keys(directory, 'list');
  expect(listed.output).toContain(`${id}  recognise,people`);
  expect(listed.output).toMatch(/guest/);
  expect(listed.output).not.toContain(token);

  expect((await keys(directory, 'revoke', id)).code).toBe(0);
  await becomes(401, token);
  expect((await keys(directory, 'list')).output).toMatch(new RegExp(`${id} .*revoked`));
  expect((await keys(directory, 'revoke', id)).code).toBe(1);
  expect(await server.end()).toBe(0);
  expect(server.output()).not.toContain(token);
});

test.each([
  [['create', '--scope', 'people'], '--name'],
  [['create', '--name', 'x'], '--scope'],
  [['create', '--name', 'x', '--scope', 'all'], '--scope'],
  [['create', '--name', 'x', '--scope', 'people', '--expires', 'soon'], '--expires'],
  [['create', '--name'], '--name needs a value'],
  [['revoke'], 'keys revoke ID'],
  [['destroy'], 'keys create'],
])('keys %j is wrong usage', async (words, said) => {
  const { code, output } = await keys(temporaryDirectory(), ...words);
  expect(output).toContain(said);
  expect(code).toBe(64);
});

test('a server that others could reach starts only with a key, or when told to be open', async () => {
  const directory = temporaryDirectory();
  const exposed = { ...settings(directory), FACEREC_HOST: '0.0.0.0' };
  const refused = run('src/web.ts', exposed);
  expect(await refused.child.exited).toBe(78);
  await refused.end();
  for (const word of ['FACEREC_HOST', 'keys create', 'FACEREC_OPEN=on'])
    expect(refused.output()).toContain(word);

  const open = run('src/web.ts', { ...exposed, FACEREC_OPEN: 'on' });
  const [, url] = await open.said(/listens on (\S+)/);
  const port = new URL(url!).port;
  const asOther = await fetch(`http://127.0.0.1:${port}/people`, { headers: { host: 'faces.example' } });
  expect(asOther.status).toBe(200);
  expect(await open.end()).toBe(0);

  expect((await keys(directory, 'create', '--name', 'x', '--scope', 'admin')).code).toBe(0);
  const locked = run('src/web.ts', exposed);
  const [, second] = await locked.said(/listens on (\S+)/);
  expect((await fetch(`http://127.0.0.1:${new URL(second!).port}/people`)).status).toBe(401);
  expect(await locked.end()).toBe(0);
});
