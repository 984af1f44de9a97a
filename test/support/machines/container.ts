import { copyFile, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { run } from '../../../ami/image/run.ts';
import { type Running, start } from '../system.ts';
import { until } from '../temporary.ts';

export interface ContainerOptions {
  /** Directory of the image's root file system; it is not written to. */
  readonly tree: string;
  readonly instanceId: string;
  readonly userData: string;
  /** More files of the machine, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** More programs for /opt/facerec. */
  readonly executables?: readonly string[];
}

export interface Container extends Running {
  /** Runs a command beside the machine's own processes and returns what it printed. */
  inside(...command: string[]): Promise<string>;
}

/**
 * Boots the image's root file system with systemd-nspawn, in the network of this process. A container has no firmware by
 * which cloud-init would know EC2, so the user data comes in a file. Needs root, and a mount namespace of its own: what
 * is mounted here is not taken off again.
 */
export async function bootContainer(options: ContainerOptions): Promise<Container> {
  const { tree, instanceId, userData, files = {}, executables = [] } = options;
  const root = await writable(tree);
  const seed = 'var/lib/cloud/seed/nocloud';
  const own = {
    'etc/cloud/cloud.cfg.d/zz-test.cfg': 'datasource_list: [ NoCloud, None ]\n',
    [`${seed}/meta-data`]: `instance-id: ${instanceId}\n`,
    [`${seed}/user-data`]: userData,
    ...files,
  };
  for (const [path, text] of Object.entries(own)) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  }
  for (const from of executables) await copyFile(from, join(root, 'opt/facerec', basename(from)));
  const nspawn = [
    ...['systemd-nspawn', '--quiet', '--boot', '--directory', root, '--machine', 'facerec-test'],
    ...['--register=no', '--keep-unit', '--console=read-only', '--resolv-conf=off', '--link-journal=no'],
  ];
  const running = start(['sh', '-ec', enterGroup, 'sh', ...nspawn], {
    PATH: process.env.PATH ?? '',
  });
  return {
    ...running,
    async inside(...command) {
      const init = await childOf(running.child.pid);
      return run(['nsenter', '--target', init, '--all', '--', ...command]);
    },
  };
}

/** A view of the directory that can be written to, while the directory stays as it is. */
export async function writable(tree: string): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'facerec-tree-'));
  await run(['mount', '-t', 'tmpfs', 'tmpfs', work]);
  const [upper, scratch, root] = [join(work, 'upper'), join(work, 'scratch'), join(work, 'root')];
  for (const directory of [upper, scratch, root]) await mkdir(directory);
  const layers = `lowerdir=${tree},upperdir=${upper},workdir=${scratch}`;
  await run(['mount', '-t', 'overlay', 'overlay', '-o', layers, root]);
  return root;
}

/** The machine's systemd gets a control group of its own, under the one that the whole test run was given. */
const enterGroup = `
  group=/sys/fs/cgroup/facerec-test/$$
  mkdir -p "$group"
  echo $$ >"$group/cgroup.procs"
  exec "$@"`;

async function childOf(pid: number): Promise<string> {
  let child: string | undefined;
  await until(async () => {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    [child] = children.trim().split(/\s+/);
    return child !== undefined && child !== '';
  }, 'the container has an init process');
  return child!;
}
