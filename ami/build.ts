/** Builds machine images: `bun run image [worker] [web]`, both by default, into dist/image/<role>.raw; `--upload` them to AWS. */
import { mkdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { openArchive } from './image/archive.ts';
import { makeDisk, realBytes } from './image/disk.ts';
import { buildRootfs } from './image/rootfs.ts';
import { type Role, roles, stage } from './image/stage.ts';
import { upload } from './upload.ts';

const root = join(import.meta.dir, '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    executables: { type: 'string', default: join(root, 'dist') },
    to: { type: 'string', default: join(root, 'dist', 'image') },
    anew: { type: 'boolean', default: false },
    'stage-only': { type: 'boolean', default: false },
    upload: { type: 'boolean', default: false },
    region: { type: 'string' },
  },
});
const wanted = positionals.length > 0 ? positionals : roles;
for (const role of wanted) {
  if (!(roles as readonly string[]).includes(role)) {
    console.error(`image: there is no role "${role}"; expected ${roles.join(' or ')}`);
    process.exit(64);
  }
}
await mkdir(values.to, { recursive: true });
const disks: string[] = [];
for (const role of wanted as readonly Role[]) {
  const started = performance.now();
  if (values['stage-only']) {
    const staged = join(values.to, `${role}-stage`);
    await stage(role, values.executables, staged);
    console.log(`${relative(root, staged)}: ready for provision.sh ${role}`);
    continue;
  }
  const archive = await openArchive();
  const { anew, executables, to } = values;
  const tar = await buildRootfs({ role, executables, archive, to, anew });
  const disk = join(to, `${role}.raw`);
  await makeDisk(role, tar, disk, archive.epoch);
  disks.push(disk);
  const megabytes = Math.round((await realBytes(disk)) / 1e6);
  console.log(
    `${relative(root, disk)}: ${megabytes} MB, ${((performance.now() - started) / 1000).toFixed(0)} s`,
  );
}
if (values.upload) process.exitCode = await upload(disks, { region: values.region });
