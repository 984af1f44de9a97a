/** Checks of the images without booting them, by the images' own tools; each is seen to catch an error. Run by run.ts. */
import { describe, expect, test } from 'bun:test';
import { appendFile, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { realBytes } from '../../ami/image/disk.ts';
import { writable } from '../support/machines/container.ts';
import { start } from '../support/system.ts';

const { IMAGE_WORKER_TREE, IMAGE_WEB_TREE, IMAGE_WORKER_DISK, IMAGE_WEB_DISK, FACEREC_TEST_PROGRAMS } =
  process.env;
if (!IMAGE_WORKER_TREE || !IMAGE_WEB_TREE || !IMAGE_WORKER_DISK || !IMAGE_WEB_DISK || !FACEREC_TEST_PROGRAMS)
  throw new Error('test/image/run.ts starts this');

const units = [
  { tree: IMAGE_WORKER_TREE, unit: 'facerec-worker.service' },
  { tree: IMAGE_WEB_TREE, unit: 'facerec-web.service' },
  { tree: IMAGE_WEB_TREE, unit: 'facerec-controller.service' },
];
const where = 'etc/systemd/system';

/** Runs one of the image's own programs; all that it said, and how it ended. */
async function inImage(root: string, ...command: string[]): Promise<{ code: number | null; said: string }> {
  const running = start(
    ['chroot', root, ...command],
    { PATH: '/usr/sbin:/usr/bin', SYSTEMD_COLORS: '0' },
    '/',
  );
  await running.child.exited;
  // Both streams have been read when `said` has nothing left to wait for.
  await running.said(/$^/).catch(() => undefined);
  return { code: running.child.exitCode, said: running.output() };
}

describe.each(units)('$unit', ({ tree, unit }) => {
  const verify = (root: string) => inImage(root, 'systemd-analyze', 'verify', unit);
  const security = (root: string) =>
    inImage(root, 'systemd-analyze', 'security', '--offline=true', '--threshold=20', '--no-pager', unit);

  test('is understood by systemd without a word', async () => {
    expect(await verify(tree)).toEqual({ code: 0, said: '' });
  });

  // systemd ends with 0 at the first of these.
  test.each([
    ['a misspelt key', 'Restrat=always'],
    ['a value of the wrong kind', 'WatchdogSec=soon'],
    ['a program that is not there', 'ExecStartPre=/opt/facerec/facerec-wroker'],
  ])('%s is seen', async (_, line) => {
    const root = await writable(tree);
    const file = join(root, where, unit);
    await writeFile(file, (await readFile(file, 'utf8')).replace('[Service]', `[Service]\n${line}`));
    expect((await verify(root)).said).not.toBe('');
  });

  test('is exposed by 2.0 at most', async () => {
    const { code, said } = await security(tree);
    console.log(said.trim().split('\n').at(-1));
    expect(code).toBe(0);
  });

  test('without the common hardening it is seen to be exposed', async () => {
    const root = await writable(tree);
    await rm(join(root, where, 'facerec-.service.d'), { recursive: true });
    expect((await security(root)).code).toBe(1);
  });

  test('starts with the machine', async () => {
    expect((await inImage(tree, 'systemctl', 'is-enabled', unit)).said).toMatch(/^enabled$/m);
  });
});

describe('user data', () => {
  const schema = async (userData: string) => {
    const root = await writable(IMAGE_WORKER_TREE);
    await writeFile(join(root, 'root/user-data'), userData);
    return inImage(root, 'cloud-init', 'schema', '--config-file', '/root/user-data');
  };
  const printed = async () => {
    const controller = start([join(FACEREC_TEST_PROGRAMS, 'facerec-controller'), 'user-data'], {
      FACEREC_BACKEND: 'aws',
      AWS_REGION: 'eu-west-1',
      FACEREC_REQUEST_QUEUE: 'requests',
      FACEREC_RESPONSE_QUEUE: 'responses',
      FACEREC_DEAD_LETTER_QUEUE: 'dead-letters',
      FACEREC_INPUT_BUCKET: 'photos',
      FACEREC_OUTPUT_BUCKET: 'results',
      FACEREC_AMI: 'ami-0123456789abcdef0',
    });
    await controller.child.exited;
    await controller.said(/$^/).catch(() => undefined);
    return controller.output();
  };

  test('as the controller prints it is what cloud-init expects', async () => {
    const { code, said } = await schema(await printed());
    expect(said).toContain('Valid schema');
    expect(said).not.toMatch(/warning|deprecated/i);
    expect(code).toBe(0);
  });

  test.each([
    ['a misspelt key', 'permissions:', 'permisions:'],
    ['commands that are none', /\[systemctl.*\]/, '5'],
    ['no first line', '#cloud-config\n', ''],
  ])('%s is seen', async (_, right, wrong) => {
    const text = await printed();
    expect(text).toMatch(right);
    expect((await schema(text.replace(right, wrong))).code).not.toBe(0);
  });
});

/** What must not be in an image that many machines start from, or that strangers see. */
async function leftovers(root: string): Promise<string[]> {
  const problems: string[] = [];
  const text = (path: string) => readFile(join(root, path), 'utf8').catch(() => '');
  if ((await text('etc/machine-id')) !== '') problems.push('a machine id');
  if (/^[^#\s]+\s+\/\s/m.test(await text('etc/fstab'))) problems.push('a root file system in fstab');
  const passwords = (await text('etc/shadow'))
    .split('\n')
    .filter(line => /^[^:]+:[^!*:]/.test(line) || /^[^:]+::/.test(line));
  if (passwords.length > 0) problems.push('a password, or none asked for');
  const lists = ['etc/apt/sources.list', 'etc/apt/sources.list.d/debian.sources'];
  const sites = (await Promise.all(lists.map(text))).join('\n').match(/\bhttps?:\/\/[^/\s]+/g) ?? [];
  const strange = sites.filter(site => site !== 'http://deb.debian.org');
  if (sites.length === 0) problems.push('no packages');
  if (strange.length > 0) problems.push(`packages from ${strange[0]}`);
  for (const path of [
    'root/.ssh/authorized_keys',
    'var/lib/cloud/instances',
    'var/lib/systemd/random-seed',
    'tmp/facerec-image',
  ])
    if (await stat(join(root, path)).catch(() => undefined)) problems.push(path);
  for (const name of await readdir(join(root, 'opt/facerec')))
    if (((await stat(join(root, 'opt/facerec', name))).mode & 0o022) !== 0) problems.push(`${name} writable`);
  return problems;
}

describe.each([
  { role: 'worker', tree: IMAGE_WORKER_TREE, disk: IMAGE_WORKER_DISK },
  { role: 'web', tree: IMAGE_WEB_TREE, disk: IMAGE_WEB_DISK },
])('the $role image', ({ role, tree, disk }) => {
  test('is 500 MB at most', async () => {
    const bytes = await realBytes(disk);
    console.log(`${role}: ${Math.round(bytes / 1e6)} MB`);
    expect(bytes).toBeLessThanOrEqual(500e6);
  });

  test('keeps the journal for 30 days', async () => {
    const { code, said } = await inImage(tree, 'systemd-analyze', 'cat-config', 'systemd/journald.conf');
    expect([code, said.match(/^MaxRetentionSec=.*$/gm)]).toEqual([0, ['MaxRetentionSec=30day']]);
  });

  test('holds nothing of the machine that built it', async () => {
    expect(await leftovers(tree)).toEqual([]);
  });

  test.each([
    ['etc/machine-id', '0123456789abcdef0123456789abcdef\n'],
    ['etc/fstab', 'LABEL=root / ext4 defaults 0 1\n'],
    ['etc/shadow', 'eve::19000:0:99999:7:::\n'],
    ['etc/apt/sources.list', 'deb http://mirror.example/debian trixie main\n'],
    ['var/lib/systemd/random-seed', 'x'],
  ])('what is left in %s is seen', async (path, line) => {
    const root = await writable(tree);
    await appendFile(join(root, path), line);
    expect(await leftovers(root)).toHaveLength(1);
  });
});

describe('the Packer template', () => {
  const template = join(import.meta.dir, '../../ami/packer/facerec.pkr.hcl');
  // Debian's Packer is older than some of the settings, so this is about the syntax alone.
  const validate = async (path: string) => {
    const packer = start(['packer', 'validate', '-syntax-only', path], {
      PATH: process.env.PATH ?? '',
      HOME: '/nonexistent',
      CHECKPOINT_DISABLE: '1',
    });
    return packer.child.exited;
  };

  test('has no errors of syntax', async () => {
    expect(await validate(template)).toBe(0);
  });

  test('an error of syntax is seen', async () => {
    const planted = join(await writable(IMAGE_WORKER_TREE), 'planted.pkr.hcl');
    await writeFile(planted, (await readFile(template, 'utf8')).replace('owners      =', 'owners      =='));
    expect(await validate(planted)).toBe(1);
  });
});
