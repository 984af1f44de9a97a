import { beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { programs } from '../../src/variables.ts';
import { known, photoOf } from '../support/cast.ts';
import { enrol, post } from '../support/client.ts';
import { bombPng } from '../support/photos.ts';
import { BUILDING, executables } from './build.ts';
import { Jail, NO_JAIL, outcome } from './jail.ts';

beforeAll(() => void executables(), BUILDING);

async function recognise(jail: Jail, env: Record<string, string>, before?: string) {
  const photo = await jail.file('ada.jpg', await photoOf('ada'));
  return outcome(jail.run('facerec-worker', ['recognise', photo], env, before ? { before } : {}));
}

function cached(jail: Jail, directory: string): string[] {
  const path = join(jail.root, directory);
  return existsSync(path) ? readdirSync(path).sort() : [];
}

describe.skipIf(NO_JAIL !== undefined)('with libc, libstdc++, libgcc_s, /proc and nothing else', () => {
  test('the whole service: the controller starts its worker, an upload is answered with the right name', async () => {
    const jail = new Jail();
    const FACEREC_DATA = jail.directory('data');
    const HOME = jail.directory('home');
    const web = jail.run('facerec-web', [], { FACEREC_DATA, FACEREC_PORT: '0' });
    const [, address] = await web.said(/facerec-web listens on (\S+)/);
    const controller = jail.run('facerec-controller', [], { FACEREC_DATA, HOME });
    const url = new URL(address!);
    for (const name of known) {
      const answer = await enrol(url, name, `Name of ${name}`, { file: 'a.jpg', bytes: await photoOf(name) });
      expect({ name, status: answer.status }).toEqual({ name, status: 201 });
    }
    for (const name of known) {
      const photo = { file: `${name}.jpg`, bytes: await photoOf(name) };
      const answer = await post(new URL('?wait=60', url), photo);
      expect(await answer.json()).toMatchObject({ status: 'done', label: `Name of ${name}` });
    }
    expect(await controller.end()).toBe(0);
    expect(await web.end()).toBe(0);
    expect(cached(jail, 'home/.cache/facerec')).toHaveLength(2);
  });

  test.each(programs)('facerec-%s tells its version and help', async program => {
    const jail = new Jail();
    const version = await outcome(jail.run(`facerec-${program}`, ['--version'], {}));
    expect(version).toEqual({
      code: 0,
      output: expect.stringMatching(new RegExp(`^facerec-${program} \\d`)),
    });
    const help = await outcome(jail.run(`facerec-${program}`, ['--help'], {}));
    expect(help).toMatchObject({ code: 0, output: expect.stringContaining('FACEREC_DATA') });
  });

  test('a read-only file system but for one directory', async () => {
    const jail = new Jail();
    const FACEREC_DATA = jail.directory('data');
    const CACHE_DIRECTORY = jail.directory('cache');
    const before =
      'mount --bind "$root" "$root" && mount --bind "$root/cache" "$root/cache" && mount -t proc proc "$root/proc" && mount -o remount,bind,ro "$root"';
    const { code, output } = await recognise(jail, { FACEREC_DATA, CACHE_DIRECTORY }, before);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('"status":"done"') });
    expect(cached(jail, 'cache')).toHaveLength(2);
  });

  test('no directory can be written to: the libraries are loaded from memory', async () => {
    const jail = new Jail();
    const env = { HOME: jail.directory('home'), FACEREC_DATA: '/data' };
    const before =
      'mount --bind "$root" "$root" && mount -t proc proc "$root/proc" && mount -o remount,bind,ro "$root"';
    const { code, output } = await recognise(jail, env, before);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('"status":"done"') });
    expect(cached(jail, 'home')).toEqual([]);
  });

  test('a cache from which nothing may be executed: the libraries are loaded from memory', async () => {
    const jail = new Jail();
    const CACHE_DIRECTORY = jail.directory('cache');
    const mount =
      'mount -t tmpfs -o noexec,mode=0777 none "$root/cache" && chmod 0700 "$root/cache" && chown 65534:65534 "$root/cache"';
    const { code, output } = await recognise(jail, { CACHE_DIRECTORY, FACEREC_DATA: '/data' }, mount);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('"status":"done"') });
  });

  test('what is no photo of a known kind, or too large, is refused as from source', async () => {
    const jail = new Jail();
    const svg = await jail.file('a.svg', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    const bomb = await jail.file('b.png', bombPng());
    const env = { HOME: jail.directory('home'), FACEREC_DATA: '/data' };
    const { code, output } = await outcome(jail.run('facerec-worker', ['recognise', svg, bomb], env));
    expect(code).toBe(1);
    expect(output).toContain('"reason":"unsupported-format"');
    expect(output).toContain('"reason":"too-many-pixels"');
  });

  test('without libstdc++ the worker says what it needs; web and controller do not need it', async () => {
    const jail = new Jail({ noCxx: true });
    const { code, output } = await recognise(jail, { HOME: jail.directory('home'), FACEREC_DATA: '/data' });
    expect(code).not.toBe(0);
    expect(output).toContain('must have libstdc++ and libgcc_s');
    for (const program of ['web', 'controller'])
      expect((await outcome(jail.run(`facerec-${program}`, ['--version'], {}))).code).toBe(0);
  });

  test('without /proc no program runs', async () => {
    const jail = new Jail();
    const { code, output } = await outcome(jail.run('facerec-web', ['--version'], {}, { noProc: true }));
    expect(code).not.toBe(0);
    expect(output).toContain('Bun has crashed');
  });
});
