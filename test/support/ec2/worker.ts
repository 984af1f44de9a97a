import { join } from 'node:path';
import * as v from 'valibot';
import type { Cloud, InstanceHandle } from './cloud.ts';
import { type ImdsServer, startImds } from './imds.ts';
import { type Ec2Instance, tagsAt } from './instance.ts';

const CloudConfigSchema = v.object({
  write_files: v.array(v.object({ path: v.string(), permissions: v.string(), content: v.string() })),
  runcmd: v.array(v.array(v.string())),
});

/** The worker's settings that a `#cloud-config` writes, read as cloud-init and systemd do. Throws where they would not. */
export function settingsOf(userData: string): Record<string, string> {
  if (!userData.startsWith('#cloud-config\n'))
    throw new Error('cloud-init ignores user data without its first line');
  const config = v.parse(CloudConfigSchema, Bun.YAML.parse(userData));
  const file = config.write_files.find(({ path }) => path === '/etc/facerec/worker.env');
  if (file?.permissions !== '0600') throw new Error('no worker.env, or open to everybody');
  if (!config.runcmd.some(words => words.join(' ').includes('start --no-block facerec-worker.service')))
    throw new Error('nothing starts the worker');
  return Object.fromEntries(
    file.content
      .split('\n')
      .filter(line => line !== '')
      .map(line => {
        const [, name, value] = /^([A-Z_][A-Z0-9_]*)="((?:[^"\\]|\\.)*)"$/.exec(line) ?? [];
        if (name === undefined || value === undefined) throw new Error(`systemd cannot read: ${line}`);
        return [name, value.replace(/\\(["\\$`])/g, '$1')];
      }),
  );
}

/** The metadata service of one instance of the stand-in, with its tags as they are now. */
export function imdsOf(instance: Ec2Instance, cloud: Cloud): ImdsServer {
  return startImds({ instanceId: instance.id, tags: () => tagsAt(instance, cloud.now()), now: cloud.now });
}

export interface WorkerProcessOptions {
  /** Program and arguments; default: this Bun and `src/worker.ts`. */
  readonly command?: readonly string[];
  /** Beside what the user data says: where the queues and stores of the test are, for instance. */
  readonly env?: Readonly<Record<string, string>>;
  /** Receives the instance's process when it runs, to kill it or to read its output. */
  readonly onStart?: (instance: Ec2Instance, process: Bun.Subprocess, imds: ImdsServer) => void;
}

/**
 * For `onLaunch`: the instance is a real process with the settings of its user data and a metadata service of its own.
 * The process's end is the machine's, as the unit powers it off, and then the shutdown behaviour `terminate` ends the
 * instance; an end from outside is SIGTERM, as at a shutdown.
 */
export function workerProcess(options: WorkerProcessOptions = {}) {
  const {
    command = [process.execPath, join(import.meta.dir, '../../../src/worker.ts')],
    env = {},
    onStart,
  } = options;
  return (instance: Ec2Instance, cloud: Cloud): InstanceHandle => {
    const imds = imdsOf(instance, cloud);
    const child = Bun.spawn([...command], {
      env: {
        // Nothing can be found there: a worker of a test must not power this machine off.
        PATH: '/nonexistent',
        HOME: process.env.HOME ?? '',
        ...env,
        ...settingsOf(instance.userData),
        AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.url,
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    onStart?.(instance, child, imds);
    void child.exited.then(() => {
      if (instance.shutdownBehaviour === 'terminate') cloud.end(instance.id);
      return imds.close();
    });
    return { stop: () => child.kill('SIGTERM') };
  };
}
