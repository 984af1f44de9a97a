import { mkdir, mkdtemp, open, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.ts';
import type { Role } from './stage.ts';

const MiB = 1 << 20;
const DISK_MIB = 2048;
const ESP_MIB = 64;
const ROOT_MIB = DISK_MIB - ESP_MIB - 2;

/** The same in every image, so that the same content gives the same disk. */
const ids = {
  disk: '5f1c7a52-0d3e-4b0a-9f55-6a6f6e0a0001',
  esp: '5f1c7a52-0d3e-4b0a-9f55-6a6f6e0a0002',
  root: '5f1c7a52-0d3e-4b0a-9f55-6a6f6e0a0003',
  hashSeed: '5f1c7a52-0d3e-4b0a-9f55-6a6f6e0a0004',
};

/** nvme_core.io_timeout: as long as it takes, which is EBS's own advice. */
const commandLine =
  `root=PARTUUID=${ids.root} rootfstype=ext4 rootwait rw console=tty0 console=ttyS0,115200n8 net.ifnames=0 ` +
  'nvme_core.io_timeout=4294967295 panic=10 quiet';

/**
 * Makes a disk that UEFI boots from the archive of a root file system: a GPT with an EFI system partition (systemd-boot,
 * the kernel) and an ext4 root. Nothing is mounted, and no loop device used. Without root it needs fakeroot.
 */
export async function makeDisk(role: Role, rootfs: string, disk: string, epoch: number): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'facerec-disk-'));
  try {
    const root = join(work, 'root');
    const [esp, ext4] = [join(work, 'esp'), join(work, 'ext4')];
    await mkdir(root);
    const fake = process.geteuid?.() === 0 ? [] : ['fakeroot', '-s', join(work, 'owners'), '--'];
    const again = fake.length === 0 ? [] : ['fakeroot', '-i', join(work, 'owners'), '--'];
    await run([...fake, 'tar', '--extract', '--numeric-owner', '--file', rootfs, '--directory', root]);
    await makeEsp(root, esp, epoch);
    for (const name of await readdir(join(root, 'boot'))) await rm(join(root, 'boot', name));
    await run([...again, ...makeRoot(role, root, ext4)], {
      env: { SOURCE_DATE_EPOCH: String(epoch), MKE2FS_CONFIG: join(root, 'etc/mke2fs.conf') },
    });
    await rm(disk, { force: true });
    await writeFile(disk, '');
    await truncate(disk, DISK_MIB * MiB);
    await partition(disk, work);
    await run(copyInto(disk, esp, 1));
    await run(copyInto(disk, ext4, 1 + ESP_MIB));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function makeEsp(root: string, esp: string, epoch: number): Promise<void> {
  const [kernel, ...more] = (await readdir(join(root, 'boot'))).filter(name => name.startsWith('vmlinuz-'));
  if (kernel === undefined || more.length > 0) throw new Error('expected one kernel in /boot');
  const loader = `${esp}-loader`;
  const entry = `${esp}-entry`;
  await writeFile(loader, 'timeout 0\neditor no\n');
  await writeFile(entry, `title facerec\nlinux /vmlinuz\noptions ${commandLine}\n`);
  await writeFile(esp, '');
  await truncate(esp, ESP_MIB * MiB);
  const env = { SOURCE_DATE_EPOCH: String(epoch), MTOOLS_SKIP_CHECK: '1', TZ: 'UTC' };
  await run(['mkfs.vfat', '-F', '32', '-n', 'ESP', '-i', 'facec0de', '--invariant', esp], { env });
  await run(['mmd', '-i', esp, '::EFI', '::EFI/BOOT', '::loader', '::loader/entries'], { env });
  const files = [
    [join(root, 'usr/lib/systemd/boot/efi/systemd-bootx64.efi'), 'EFI/BOOT/BOOTX64.EFI'],
    [join(root, 'boot', kernel), 'vmlinuz'],
    [loader, 'loader/loader.conf'],
    [entry, 'loader/entries/facerec.conf'],
  ];
  for (const [from, to] of files) await run(['mcopy', '-i', esp, from!, `::${to}`], { env });
}

/** With the image's own mke2fs, so that the result does not depend on this machine's. */
function makeRoot(role: Role, root: string, ext4: string): string[] {
  const library = join(root, 'usr/lib/x86_64-linux-gnu');
  return [
    join(library, 'ld-linux-x86-64.so.2'),
    '--library-path',
    library,
    join(root, 'usr/sbin/mke2fs'),
    '-q',
    '-t',
    'ext4',
    // A worker's disk goes with the worker: nothing on it is worth a journal.
    ...(role === 'worker' ? ['-O', '^has_journal'] : []),
    '-L',
    'root',
    '-U',
    ids.root,
    '-E',
    `hash_seed=${ids.hashSeed},lazy_itable_init=1`,
    '-d',
    root,
    ext4,
    `${ROOT_MIB}M`,
  ];
}

async function partition(disk: string, work: string): Promise<void> {
  const script = join(work, 'partitions');
  await writeFile(
    script,
    [
      'label: gpt',
      `label-id: ${ids.disk}`,
      `start=${(1 * MiB) / 512}, size=${(ESP_MIB * MiB) / 512}, type=U, uuid=${ids.esp}, name=esp`,
      `size=${(ROOT_MIB * MiB) / 512}, type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709, uuid=${ids.root}, name=root`,
      '',
    ].join('\n'),
  );
  await run(['sh', '-c', 'exec sfdisk --quiet "$1" < "$2"', 'sh', disk, script]);
}

/** In small steps, so that holes stay holes. */
function copyInto(disk: string, part: string, atMiB: number): string[] {
  const at = ['oflag=seek_bytes', `seek=${atMiB * MiB}`];
  return ['dd', `if=${part}`, `of=${disk}`, 'bs=64K', ...at, 'conv=notrunc,sparse', 'status=none'];
}

/** Bytes that the file takes on the disk, without its holes. */
export async function realBytes(path: string): Promise<number> {
  const file = await open(path);
  try {
    return (await file.stat()).blocks * 512;
  } finally {
    await file.close();
  }
}
