/**
 * Builds the machine images as `bun run image` does, checks them, and boots them: `bun test/image/run.ts`. Needs root on a
 * Debian, and no KVM; what it lacks, it installs. Everything that it starts ends with it, and nothing stays mounted.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, rmdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { onStopSignal } from '../../src/runtime/shutdown.ts';

const root = join(import.meta.dir, '../..');
const dist = join(root, 'dist');
const bun = process.execPath;
const programs = ['facerec-worker', 'facerec-web', 'facerec-controller'];

/** Packages of Debian, each with a program that tells whether it is there. */
const tools: Readonly<Record<string, string>> = {
  mmdebstrap: 'mmdebstrap',
  'systemd-container': 'systemd-nspawn',
  'qemu-system-x86': 'qemu-system-x86_64',
  ovmf: '/usr/share/OVMF/OVMF_CODE_4M.fd',
  mtools: 'mcopy',
  dosfstools: 'mkfs.vfat',
  fdisk: 'sfdisk',
  iproute2: 'ip',
  packer: 'packer',
};

const started = performance.now();
const seconds = () => `${Math.round((performance.now() - started) / 1000)} s`;
const children = new Set<Bun.Subprocess>();

async function run(
  name: string,
  command: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  console.log(`\n== ${name} (at ${seconds()})`);
  const child = Bun.spawn([...command], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  children.add(child);
  const code = await child.exited;
  children.delete(child);
  if (code !== 0) throw new Error(`${name}: ${child.signalCode ?? `exit code ${code}`}`);
}

async function installTools(): Promise<void> {
  const missing = Object.entries(tools).filter(
    ([, at]) => !(at.startsWith('/') ? existsSync(at) : Bun.which(at)),
  );
  if (missing.length === 0) return;
  const packages = missing.map(([name]) => name);
  if (process.geteuid?.() !== 0 || !Bun.which('apt-get'))
    throw new Error(`needs root and Debian's packages ${packages.join(', ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await run('list of packages', ['apt-get', '-q', 'update'], env);
  const install = ['apt-get', '-q', 'install', '--yes', '--no-install-recommends', ...packages];
  await run(`tools: ${packages.join(', ')}`, install, env);
}

/** Where there is memory enough, everything unpacked lies there. */
async function workDirectory(): Promise<string> {
  const memory = await statfs('/dev/shm').catch(() => undefined);
  const roomy = memory !== undefined && memory.bavail * memory.bsize > 8e9;
  return mkdtemp(join(roomy ? '/dev/shm' : (process.env.TMPDIR ?? '/tmp'), 'facerec-image-'));
}

/** mmdebstrap mounts what its hooks need. Killed with its whole namespace, it leaves nothing behind. */
const alone = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** Runs tests in namespaces of their own, which end with the tests. */
const inNamespaces = (file: string) => [
  ...[...alone, '--net'],
  ...[join(import.meta.dir, 'inside.sh'), bun, 'test', `./test/image/${file}`],
];

/** Control groups are the one thing that does not end with a namespace; they are busy until the last process has gone. */
async function removeGroups(): Promise<void> {
  for (const top of ['/sys/fs/cgroup/facerec-test', '/sys/fs/cgroup/unified/facerec-test']) {
    for (let tries = 0; existsSync(top) && tries < 100; tries++) {
      const inside = await readdir(top, { recursive: true, withFileTypes: true }).catch(() => []);
      const groups = inside.filter(entry => entry.isDirectory());
      const deepestFirst = [top, ...groups.map(({ parentPath, name }) => join(parentPath, name))]
        .sort()
        .reverse();
      for (const group of deepestFirst) await rmdir(group).catch(() => undefined);
      if (existsSync(top)) await Bun.sleep(100);
    }
  }
}

async function main(work: string): Promise<void> {
  await installTools();
  if (!programs.every(program => existsSync(join(dist, program))))
    await run('executables', [bun, 'run', 'build']);
  const inMemory = { TMPDIR: work };
  await run('images', [...alone, bun, 'ami/build.ts'], inMemory);
  const trees: Record<string, string> = {};
  for (const role of ['worker', 'web']) {
    const tree = join(work, role);
    await mkdir(tree);
    await run(`${role}: unpack`, [
      'tar',
      '--extract',
      '--numeric-owner',
      '-f',
      `dist/image/${role}.tar`,
      '-C',
      tree,
    ]);
    trees[`IMAGE_${role.toUpperCase()}_TREE`] = tree;
    trees[`IMAGE_${role.toUpperCase()}_DISK`] = join(dist, 'image', `${role}.raw`);
  }
  const env = { ...inMemory, ...trees, FACEREC_TEST_PROGRAMS: dist };
  await run('checks', inNamespaces('checks.ts'), env);
  await run('boots', inNamespaces('boot.ts'), env);
  await run('the same again gives the same', [...alone, bun, 'test', './test/image/same.ts'], env);
}

const work = await workDirectory();
onStopSignal(
  () => {
    for (const child of children) child.kill('SIGKILL');
  },
  code => process.exit(code),
);
try {
  await main(work);
  console.log(`\nimages: fine, ${seconds()}`);
} catch (error) {
  console.error(`\nimages: ${error instanceof Error ? error.message : error} (after ${seconds()})`);
  process.exitCode = 1;
} finally {
  await removeGroups();
  await rm(work, { recursive: true, force: true });
}
