import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { type Archive, SUITE } from './archive.ts';
import { run } from './run.ts';
import { type Role, stage } from './stage.ts';

const here = import.meta.dir;

/** Documents, translations and what only hardware needs: none of it is read by anybody on an instance. */
const leftOut = [
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/locale/*',
  'path-exclude=/usr/share/i18n/*',
  'path-exclude=/usr/lib/udev/hwdb.d/*',
  // The root file system is mounted by the kernel itself: no initial RAM disk is made.
  'path-exclude=/etc/kernel/postinst.d/initramfs-tools',
];

export interface RootfsOptions {
  readonly role: Role;
  /** Directory that holds facerec-worker and so on. */
  readonly executables: string;
  readonly archive: Archive;
  /** Directory for the result. */
  readonly to: string;
  /** Builds also what has not changed since the last time. */
  readonly anew?: boolean;
}

/** Builds the root file system as a tar archive and returns its path. The same input gives the same bytes. */
export async function buildRootfs({ role, executables, archive, to, anew }: RootfsOptions): Promise<string> {
  const base = await debian(archive, anew ? to : cacheDirectory());
  const tar = join(to, `${role}.tar`);
  // mmdebstrap gives the directory to the new system under its own name.
  const staged = join(to, `${role}-stage`, 'facerec-image');
  await stage(role, executables, staged);
  const recipe = await Bun.file(import.meta.path).text();
  const key = await keyOf(staged, { role, base: basename(base), recipe });
  const keyFile = join(to, `${role}.key`);
  const before = await readFile(keyFile, 'utf8').catch(() => undefined);
  if (anew || before !== key || !(await Bun.file(tar).exists())) {
    await rm(keyFile, { force: true });
    const inside = `/tmp/${basename(staged)}`;
    await run(
      [
        ...['mmdebstrap', '--variant=custom', '--architectures=amd64', '--format=tar', '--skip=update'],
        `--setup-hook=mmtarfilter "--path-exclude=/dev/*" <${base} | tar --extract --directory "$1"`,
        `--customize-hook=copy-in ${staged} /tmp`,
        `--customize-hook=chroot "$1" sh ${inside}/provision.sh ${role}`,
        `--customize-hook=rm -rf "$1${inside}" "$1/etc/apt/sources.list"`,
        // Whose they are depends on where the archive was unpacked; apt makes them when it needs them.
        '--customize-hook=rm -rf "$1/var/lib/apt/lists/partial" "$1/var/cache/apt/archives/partial"',
        ...['', tar],
      ],
      { env: { SOURCE_DATE_EPOCH: String(archive.epoch) } },
    );
    await writeFile(keyFile, key);
  }
  await rm(dirname(staged), { recursive: true });
  return tar;
}

/** Debian with the packages of the list, and nothing of ours, as a tar archive in `directory`. */
async function debian(archive: Archive, directory: string): Promise<string> {
  const packages = await packageList();
  const { sources, options, fingerprint, epoch } = archive;
  const recipe = await Bun.file(import.meta.path).text();
  const input = JSON.stringify({ packages, recipe, epoch, sources, fingerprint });
  const key = new Bun.CryptoHasher('sha256').update(input).digest('hex').slice(0, 32);
  const tar = join(directory, `debian-${key}.tar`);
  if (await Bun.file(tar).exists()) return tar;
  await mkdir(directory, { recursive: true });
  for (const name of await readdir(directory))
    if (/^debian-.*\.tar$/.test(name)) await rm(join(directory, name), { force: true });
  const unfinished = join(directory, `${crypto.randomUUID()}.tar`);
  try {
    await run(
      [
        ...['mmdebstrap', '--variant=apt', '--architectures=amd64', '--format=tar'],
        `--include=${packages.join(',')}`,
        ...leftOut.map(option => `--dpkgopt=${option}`),
        ...options.map(option => `--aptopt=${option}`),
        // The mirror is this machine's, and no instance's.
        '--customize-hook=rm "$1/etc/apt/sources.list"',
        ...[SUITE, unfinished, ...sources],
      ],
      { env: { SOURCE_DATE_EPOCH: String(epoch) } },
    );
    await rename(unfinished, tar);
  } finally {
    await rm(unfinished, { force: true });
  }
  return tar;
}

/** Kept between builds: Debian itself changes more seldom than the programs do. */
function cacheDirectory(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'facerec-image');
}

async function packageList(): Promise<string[]> {
  const lines = (await readFile(join(here, 'packages'), 'utf8')).split('\n');
  return lines.map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#'));
}

async function keyOf(staged: string, input: object): Promise<string> {
  const hash = new Bun.CryptoHasher('sha256').update(JSON.stringify(input));
  const entries = await readdir(staged, { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  for (const file of files.sort()) {
    hash.update(`${relative(staged, file)}\0`);
    for await (const chunk of Bun.file(file).stream()) hash.update(chunk);
  }
  return hash.digest('hex');
}
