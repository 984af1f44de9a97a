import { describe, expect, test } from 'bun:test';
import { Keyring } from '../../../src/web/access/keyring.ts';
import { type Scope, scopes } from '../../../src/web/access/keys.ts';
import { RateLimiter } from '../../../src/web/access/rateLimit.ts';
import { failure, photo, problem, rig, withHeaders } from './support.ts';

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function locked(options: Parameters<typeof rig>[1] = {}) {
  const world = rig({}, options);
  const create = (...wanted: Scope[]) => world.access.keyring.create({ name: 'test', scopes: wanted });
  const admin = await create('admin');
  return { ...world, create, admin };
}

describe('a server without keys', () => {
  test('serves this machine, whatever name of it is used', async () => {
    const { app } = rig();
    for (const host of ['localhost:8000', '127.0.0.1', '[::1]:8000'])
      expect((await app.request(`http://${host}/people`)).status).toBe(200);
    expect(await (await app.request('/session')).json()).toEqual({ access: 'open' });
  });

  test('refuses names that others may have given to this machine', async () => {
    const { app, requests } = rig();
    for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.1'])
      expect(await problem(await app.request(`http://${host}/`, photo()))).toBe('403 foreign-host');
    expect(requests.bodies).toEqual([]);
    expect((await app.request('http://10.0.0.1/healthz')).status).toBe(200);
  });

  test('serves everybody where the operator accepts that, and nobody where the keys went missing', async () => {
    const { access } = rig();
    const anyone = rig({}, { access: { ...access, open: 'anyone' } });
    expect((await anyone.app.request('http://faces.example/people')).status).toBe(200);
    const nobody = rig({}, { access: { ...access, open: 'nobody' } });
    expect(await problem(await nobody.app.request('/people'))).toBe('401 unauthorized');
  });
});

describe('a server with keys', () => {
  test('takes them as bearer token and as x-api-key', async () => {
    const { app, admin } = await locked();
    expect((await app.request('/people', { headers: bearer(admin.token) })).status).toBe(200);
    expect((await app.request('/people', { headers: { 'x-api-key': admin.token } })).status).toBe(200);
  });

  test('answers 401 without a good one, before it reads the body', async () => {
    const { app, admin, input } = await locked();
    let pulled = 0;
    const body = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 });
    const bare = await app.request('/', { ...photo(), body });
    expect(bare.headers.get('www-authenticate')).toBe('Bearer realm="facerec"');
    expect(await problem(bare)).toBe('401 unauthorized');
    expect(pulled).toBe(0);
    const last = admin.token.at(-2) === 'A' ? 'B' : 'A';
    const near = `${admin.token.slice(0, -2)}${last}${admin.token.at(-1)}`;
    const unknown = admin.token.replace(/_[0-9a-f]{12}_/, '_000000000000_');
    for (const wrong of [
      near,
      unknown,
      `${admin.token}x`,
      admin.key.hash,
      admin.key.id,
      '../keys.json',
      'null',
    ]) {
      const response = await app.request('/people', { headers: bearer(wrong) });
      expect(response.headers.get('www-authenticate')).toContain('invalid_token');
      expect(await problem(response)).toBe('401 unauthorized');
    }
    expect(input.objects.size).toBe(0);
  });

  test('stores no token, logs none, and logs the id', async () => {
    const { app, gallery, log, admin } = await locked();
    await app.request('/people', { headers: bearer(admin.token) });
    await app.request(`/people/${admin.token.slice(21)}`, { headers: bearer('x') });
    const secret = admin.token.slice(21);
    const stored = [...gallery.objects.values()].map(({ body }) => new TextDecoder().decode(body)).join();
    expect(stored).toContain(admin.key.id);
    expect(stored).not.toContain(secret);
    expect(JSON.stringify(log.lines)).not.toContain(secret);
    expect(log.lines[0]).toMatchObject({ event: 'request', fields: { key: admin.key.id, status: 200 } });
  });

  const allowed: [string, string, Scope[]][] = [
    ['POST', '/', ['recognise']],
    ['GET', '/results/01a20812-6dd0-741c-81f4-70b3041f194b', ['recognise', 'people']],
    ['GET', '/people', ['people']],
    ['GET', '/people/ann', ['people']],
    ['PUT', '/people/ann', ['people']],
    ['DELETE', '/people/ann', ['people']],
    ['POST', '/people/ann/faces', ['people']],
    ['DELETE', '/people/ann/faces/01a20812-6dd0-741c-81f4-70b3041f194b', ['people']],
  ];
  test.each(allowed)('%s %s needs one of its scopes', async (method, path, needed) => {
    const { app, create } = await locked();
    for (const scope of scopes) {
      const { token } = await create(scope);
      const { status } = await app.request(path, { method, headers: bearer(token) });
      expect([scope, status === 403]).toEqual([scope, scope !== 'admin' && !needed.includes(scope)]);
      expect(status).not.toBe(401);
    }
  });

  test('says in a 403 which scope is missing', async () => {
    const { app, create } = await locked();
    const { token } = await create('recognise');
    const response = await app.request('/people', { headers: bearer(token) });
    expect(response.headers.get('www-authenticate')).toContain('error="insufficient_scope", scope="people"');
    expect(await response.clone().json()).toMatchObject({ needed: ['people'] });
    expect(await problem(response)).toBe('403 forbidden');
  });

  test.each(['//people', '/people/../people', '/PEOPLE', '/./people', '/%70eople', '/people/'])(
    'no spelling of a path goes around the check: %s',
    async path => {
      const { app } = await locked();
      expect([401, 404]).toContain((await app.request(path)).status);
    },
  );

  test('asks for a key whatever the method', async () => {
    const { app } = await locked();
    for (const method of ['HEAD', 'GET', 'PUT', 'DELETE'])
      expect((await app.request('/people/ann', { method })).status).toBe(401);
    expect((await app.request('/people/ann', { method: 'PATCH' })).status).toBe(405);
  });

  test('keeps health and the login page open', async () => {
    const { app } = await locked();
    for (const path of ['/healthz', '/readyz', '/login']) expect((await app.request(path)).status).toBe(200);
  });

  test('refuses a key that was revoked elsewhere within two seconds, and takes a new one at once', async () => {
    const { app, gallery, admin, time } = await locked();
    const elsewhere = new Keyring({ store: gallery });
    const get = (token: string) => app.request('/people', { headers: bearer(token) });
    expect((await get(admin.token)).status).toBe(200);
    expect(await elsewhere.revoke(admin.key.id)).toBe(true);
    time.ms += 2_001;
    expect((await get(admin.token)).status).toBe(401);
    const { token } = await elsewhere.create({ name: 'new', scopes: ['admin'] });
    time.ms += 600;
    expect((await get(token)).status).toBe(200);
  });

  test('does not become open when the last key is revoked or has expired', async () => {
    const { app, access, admin, time } = await locked();
    const { token } = await access.keyring.create({
      name: 'short',
      scopes: ['admin'],
      expiresAt: time.ms + 1_000,
    });
    expect((await app.request('/people', { headers: bearer(token) })).status).toBe(200);
    await access.keyring.revoke(admin.key.id);
    time.ms += 1_000;
    expect((await app.request('/people', { headers: bearer(token) })).status).toBe(401);
    expect((await app.request('/people')).status).toBe(401);
  });

  test('trusts what it knows for half a minute while the store is away, then serves nobody', async () => {
    const { app, gallery, people, admin, time } = await locked();
    await people.refresh();
    const get = () => app.request('/healthy-nothing', { headers: bearer(admin.token) });
    expect((await get()).status).toBe(404);
    gallery.fail = failure('EIO');
    time.ms += 20_000;
    const request = () => app.request('/results/x', { headers: bearer(admin.token) });
    expect((await request()).status).toBe(404);
    time.ms += 20_000;
    expect(await problem(await request())).toBe('503 storage-unavailable');
  });

  test('loses no key when many are made at once', async () => {
    const { gallery } = rig();
    const makers = Array.from({ length: 20 }, () => new Keyring({ store: gallery }));
    await Promise.all(makers.map(keyring => keyring.create({ name: 'x', scopes: ['people'] })));
    expect(await new Keyring({ store: gallery }).list()).toHaveLength(20);
  });
});

describe('the rate limit', () => {
  test('is told, kept a key, and lifts with time', async () => {
    const { access } = rig();
    let now = 0;
    const limiter = new RateLimiter(3, () => now);
    const world = await locked({ access: { ...access, limiter } });
    const [a, b] = [
      await access.keyring.create({ name: 'a', scopes: ['people'] }),
      await access.keyring.create({ name: 'b', scopes: ['people'] }),
    ];
    const get = ({ token }: { token: string }) => world.app.request('/people', { headers: bearer(token) });
    const left: (string | null)[] = [];
    for (let i = 0; i < 3; i++) left.push((await get(a)).headers.get('ratelimit'));
    expect(left).toEqual(['"key";r=2;t=20', '"key";r=1;t=40', '"key";r=0;t=60']);
    const refused = await get(a);
    expect(Object.fromEntries(refused.headers)).toMatchObject({
      'retry-after': '20',
      ratelimit: '"key";r=0;t=20',
      'ratelimit-policy': '"key";q=3;w=60',
    });
    expect(await problem(refused)).toBe('429 too-many-requests');
    expect((await get(b)).status).toBe(200);
    now += 20_000;
    expect((await get(a)).status).toBe(200);
    expect((await get(a)).status).toBe(429);
  });
});

describe('a session', () => {
  const open = async (init: RequestInit, world: Awaited<ReturnType<typeof locked>>) => {
    const response = await world.app.request('/session', { method: 'POST', ...init });
    const cookie = response.headers.get('set-cookie') ?? '';
    return { response, cookie, headers: { cookie: cookie.split(';')[0]! } };
  };
  const json = (key: string) => ({ body: JSON.stringify({ key }) });

  test('is opened with a key, used with its cookie, and ended', async () => {
    const world = await locked();
    const { app, admin } = world;
    const { response, cookie, headers } = await open(json(admin.token), world);
    expect(response.status).toBe(201);
    expect(cookie).toMatch(/^facerec_session=\S+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(admin.token);
    const expected = { access: 'session', key: { id: admin.key.id, name: 'test', scopes: ['admin'] } };
    expect(await response.json()).toEqual(expected);
    expect(await (await app.request('/session', { headers })).json()).toEqual(expected);
    expect((await app.request('/people', { headers })).status).toBe(200);
    const ended = await app.request('/session', { method: 'DELETE', headers });
    expect([ended.status, ended.headers.get('set-cookie')]).toEqual([
      204,
      expect.stringContaining('Max-Age=0'),
    ]);
    expect((await app.request('/people', { headers })).status).toBe(401);
    expect((await app.request('/people', { headers: bearer(admin.token) })).status).toBe(200);
  });

  test('ends with its key and with time; its token is no key and opens no session', async () => {
    const world = await locked();
    const { app, admin, create, access, time } = world;
    const { token, key } = await create('people');
    const { headers } = await open(json(token), world);
    const inside = headers.cookie.split('=')[1]!;
    expect((await app.request('/people', { headers: bearer(inside) })).status).toBe(401);
    expect((await open(json(inside), world)).response.status).toBe(401);
    expect((await app.request('/people', { headers: { cookie: `facerec_session=${token}` } })).status).toBe(
      401,
    );
    await access.keyring.revoke(key.id);
    expect((await app.request('/people', { headers })).status).toBe(401);
    const other = await open(json(admin.token), world);
    time.ms += 12 * 3_600_000;
    expect((await app.request('/people', { headers: other.headers })).status).toBe(401);
  });

  test('is marked Secure behind TLS', async () => {
    const world = await locked();
    const body = json(world.admin.token);
    const { cookie } = await open({ ...body, headers: { 'x-forwarded-proto': 'https' } }, world);
    expect(cookie).toContain('; Secure');
  });

  test('cannot be used by other sites', async () => {
    const world = await locked();
    const { headers } = await open(json(world.admin.token), world);
    const forged = withHeaders(photo(), { ...headers, origin: 'https://evil.example' });
    expect(await problem(await world.app.request('/', forged))).toBe('403 cross-site');
    const own = withHeaders(photo(), { ...headers, origin: 'http://localhost' });
    expect((await world.app.request('/', own)).status).toBe(202);
  });

  test('is opened by the login page, to which browsers without one are led', async () => {
    const world = await locked();
    const html = { headers: { accept: 'text/html' } };
    const led = await world.app.request('/', html);
    expect([led.status, led.headers.get('location')]).toEqual([303, '/login']);
    const page = await world.app.request('/login');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await page.text()).toContain('action="/session"');
    const form = (key: string) => ({
      body: new URLSearchParams({ key }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    const wrong = await open(form('wrong'), world);
    expect([wrong.response.status, wrong.response.headers.get('content-type')]).toEqual([
      401,
      expect.stringContaining('text/html'),
    ]);
    const { response, headers } = await open(form(` ${world.admin.token} `), world);
    expect([response.status, response.headers.get('location')]).toEqual([303, '/']);
    expect((await world.app.request('/', { headers: { ...html.headers, ...headers } })).status).toBe(200);
  });

  test.each(['', 'x', '{}', '{"key":""}', '{"key":1}'])('needs a key: %j', async body => {
    const world = await locked();
    expect(await problem((await open({ body }, world)).response)).toBe('400 invalid-json');
  });
});
