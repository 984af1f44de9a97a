import {
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  realpathSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { programs } from '../../src/variables.ts';
import { type Running, start } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { executables } from './build.ts';

/** Why tests that need a root directory, mounts or a network of their own cannot run here; undefined where they can. */
export const NO_JAIL = jailProblem();
/** Somebody without any rights. */
const NOBODY = 65_534;

function jailProblem(): string | undefined {
  if (process.platform !== 'linux') return 'skipped: needs Linux';
  if (process.getuid?.() !== 0) return 'skipped: chroot, mount and unshare need root';
  const { exitCode } = Bun.spawnSync(['unshare', '--mount', '--net', 'true'], { stderr: 'ignore' });
  return exitCode === 0 ? undefined : 'skipped: this machine allows no namespaces (unshare)';
}
if (NO_JAIL) console.log(`executables in a jail: ${NO_JAIL}`);

const C_LIBRARIES = ['libc', 'libm', 'libpthread', 'libdl', 'librt', 'libresolv'];
const CXX_LIBRARIES = ['libstdc++', 'libgcc_s'];

export interface JailOptions {
  /** Without libstdc++ and libgcc_s. */
  readonly noCxx?: boolean;
  readonly noProc?: boolean;
  /** Shell commands before the change of root, `$root` being the new one; what they mount vanishes with the process. */
  readonly before?: string;
  /** In a network namespace of its own, where nothing can be reached. */
  readonly noNetwork?: boolean;
  /** Who runs it; default: nobody. */
  readonly uid?: number;
  /** Put before the program, outside of the jail: a tracer. */
  readonly tracer?: readonly string[];
}

/** A root directory that holds the three programs and the libraries that they need, and nothing else. */
export class Jail {
  readonly root = join(temporaryDirectory(), 'root');

  constructor({ noCxx = false }: Pick<JailOptions, 'noCxx'> = {}) {
    mkdirSync(join(this.root, 'proc'), { recursive: true });
    this.#copy(loader());
    for (const library of [...C_LIBRARIES, ...(noCxx ? [] : CXX_LIBRARIES)]) this.#copy(installed(library));
    for (const program of programs) linkOrCopy(`facerec-${program}`, executables(), this.root);
  }

  #copy(path: string): void {
    mkdirSync(join(this.root, dirname(path)), { recursive: true });
    copyFileSync(realpathSync(path), join(this.root, path));
    chmodSync(join(this.root, path), 0o755);
  }

  /** A directory in the jail that the program may write to. Returns its path as the program sees it. */
  directory(name: string, uid = NOBODY): string {
    mkdirSync(join(this.root, name), { recursive: true, mode: 0o700 });
    chownSync(join(this.root, name), uid, uid);
    return `/${name}`;
  }

  /** A file of the jail, with the given content. */
  async file(name: string, content: string | Uint8Array): Promise<string> {
    await Bun.write(join(this.root, name), content);
    return `/${name}`;
  }

  /** Runs a program in the jail, from `/`, with this environment and no other. */
  run(
    program: string,
    words: readonly string[],
    env: Readonly<Record<string, string>>,
    options: JailOptions = {},
  ): Running {
    const { noProc = false, before = 'true', noNetwork = false, uid = NOBODY, tracer = [] } = options;
    const mounted = noProc ? '' : 'mount -t proc proc "$root/proc" && ';
    const script = `root="$1" && shift && ${mounted}${before} && exec env -i "$@"`;
    const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const confined = [
      tool('chroot'),
      `--userspec=${uid}:${uid}`,
      '--groups=',
      this.root,
      `/${program}`,
      ...words,
    ];
    const unshare = ['unshare', '--mount', ...(noNetwork ? ['--net'] : [])];
    const command = [...unshare, 'sh', '-c', script, 'sh', this.root, ...settings, ...tracer, ...confined];
    return start(command, { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin' }, '/');
  }
}

/** Runs a program to its end. */
export async function outcome(running: Running): Promise<{ code: number | null; output: string }> {
  await running.child.exited;
  return { code: await running.end(), output: running.output() };
}

/** The executables are large. */
function linkOrCopy(name: string, from: string, to: string): void {
  try {
    linkSync(join(from, name), join(to, name));
  } catch {
    copyFileSync(join(from, name), join(to, name), constants.COPYFILE_FICLONE);
  }
}

function loader(): string {
  const path = { x64: '/lib64/ld-linux-x86-64.so.2', arm64: '/lib/ld-linux-aarch64.so.1' }[
    process.arch as string
  ];
  if (path === undefined) throw new Error(`no jail for ${process.arch}`);
  return path;
}

/** Where this machine has a library, such as `/lib/x86_64-linux-gnu/libc.so.6`. */
function installed(library: string): string {
  const { stdout } = Bun.spawnSync(['ldconfig', '-p']);
  const machine = process.arch === 'x64' ? 'x86-64' : 'AArch64';
  const lines = stdout.toString().split('\n');
  const line = lines.find(l => l.trim().startsWith(`${library}.so`) && l.includes(machine));
  const path = line?.split('=> ')[1];
  if (path === undefined || !existsSync(path)) throw new Error(`this machine has no ${library}`);
  return path;
}

/** `env -i` leaves no PATH to look along. */
function tool(name: string): string {
  const path = Bun.which(name, { PATH: `${process.env.PATH}:/usr/sbin:/sbin` });
  if (path === null) throw new Error(`this machine has no ${name}`);
  return path;
}

/** Where a program is that a test looks through; it is installed where it is missing. */
export function needs(program: string, debianPackage = program): string {
  if (Bun.which(program)) return tool(program);
  const { exitCode, stderr } = Bun.spawnSync(['apt-get', 'install', '-y', debianPackage], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (exitCode !== 0) throw new Error(`${program} is missing and cannot be installed: ${stderr}`);
  return tool(program);
}
