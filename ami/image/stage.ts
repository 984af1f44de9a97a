import { chmod, copyFile, cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** What a machine is for: a worker of the fleet, or the web server with the controller. */
export const roles = ['worker', 'web'] as const;
export type Role = (typeof roles)[number];

const programsOf = { worker: ['worker'], web: ['web', 'controller'] } as const satisfies Record<
  Role,
  readonly string[]
>;

const here = import.meta.dir;
/** For the first start of the worker, which takes its add-ons out of the executable. Any photo will do. */
const portrait = join(here, '../../node_modules/@adminkit/core/dist/img/avatars/avatar.jpg');

/** Puts together in `directory` what provision.sh needs for a machine of that role. */
export async function stage(role: Role, executables: string, directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(join(directory, 'bin'), { recursive: true });
  for (const program of programsOf[role]) {
    const name = `facerec-${program}`;
    await copyFile(join(executables, name), join(directory, 'bin', name));
    await chmod(join(directory, 'bin', name), 0o755);
  }
  await cp(join(here, 'provision.sh'), join(directory, 'provision.sh'));
  await cp(join(here, 'files'), join(directory, 'files'), { recursive: true });
  await cp(join(here, '../systemd'), join(directory, 'systemd'), { recursive: true });
  await cp(portrait, join(directory, 'portrait.jpg'));
}
