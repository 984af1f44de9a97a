import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  futimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Bundle, type BundledFile, fingerprint } from './bundle.ts';
import { holdAlone, holdShared } from './libc.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

export interface Place {
  readonly directory: string;
  /** In a directory that everybody may write to, a link may lead anywhere. */
  readonly followLinks: boolean;
}

/** Where a cache may be, in the order of preference. */
export function places(
  environment: Readonly<Record<string, string | undefined>>,
  uid = process.geteuid?.() ?? 0,
): Place[] {
  const { CACHE_DIRECTORY, XDG_CACHE_HOME, HOME } = environment;
  const named = [
    // systemd gives several, separated by colons, where the unit asks for several.
    CACHE_DIRECTORY?.split(':')[0],
    XDG_CACHE_HOME && join(XDG_CACHE_HOME, 'facerec'),
    HOME && join(HOME, '.cache', 'facerec'),
  ].filter(directory => directory?.startsWith('/'));
  return [
    ...named.map(directory => ({ directory: directory!, followLinks: true })),
    { directory: `/var/tmp/facerec-${uid}`, followLinks: false },
  ];
}

/**
 * Makes sure that every file of the bundle lies in the cache as it was built, and returns the directory. What is missing
 * is written; what is not what it should be is replaced; what nobody used for a while is removed.
 * @throws Error where the place is not private, or cannot be written to and lacks a file
 */
export function fromCache(place: Place, bundle: Bundle): string {
  requirePrivate(place);
  const directory = join(place.directory, bundle.id);
  hold(directory);
  for (const file of bundle.files) {
    const path = join(directory, file.path);
    if (!isIntact(path, file)) write(path, file);
  }
  sweep(place.directory, bundle.id);
  return directory;
}

/** Code is loaded only from where nobody but this user, and root, can put it. */
function requirePrivate({ directory, followLinks }: Place): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const fd = openSync(directory, O_RDONLY | O_DIRECTORY | (followLinks ? 0 : O_NOFOLLOW));
  try {
    const { uid, mode } = fstatSync(fd);
    if (uid !== process.geteuid?.() && uid !== 0) throw new Error('it belongs to another user');
    if ((mode & 0o022) !== 0) throw new Error('other users can write to it');
  } finally {
    closeSync(fd);
  }
}

/** Keeps the directory from being swept, by a lock on it that ends with the process. */
function hold(directory: string): void {
  for (;;) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const fd = openSync(directory, O_RDONLY | O_DIRECTORY);
    holdShared(fd);
    const now = new Date();
    try {
      futimesSync(fd, now, now);
    } catch {
      // A cache that this user cannot write to is not swept either.
    }
    // Swept between these two lines?
    if (statSync(directory, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) return;
    closeSync(fd);
  }
}

function isIntact(path: string, file: BundledFile): boolean {
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW);
  } catch {
    return false;
  }
  try {
    if (fstatSync(fd).size !== file.bytes) return false;
    return fingerprint(chunk => readSync(fd, chunk)) === file.sha256;
  } finally {
    closeSync(fd);
  }
}

/** Whoever starts at the same time writes the same bytes; each file appears whole. */
function write(path: string, file: BundledFile): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${crypto.randomUUID()}${TEMPORARY}`;
  const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600);
  try {
    holdAlone(fd);
    writeOut(fd, file);
    fchmodSync(fd, 0o500);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

export function writeOut(fd: number, { embedded }: BundledFile): void {
  const bytes = readFileSync(embedded);
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
}

const TEMPORARY = '.tmp';
/** Nobody needs longer from making a file to locking it. */
const UNLOCKED_MS = 60_000;
/** Another version that was used in this time may be used again. */
const UNUSED_MS = 24 * 3_600_000;

/** Removes what was left by a start that was killed, and other versions that nobody uses. */
function sweep(cache: string, own: string): void {
  try {
    for (const name of readdirSync(cache)) {
      if (/^[a-z]+-[0-9a-f]{32}$/.test(name) && name !== own) removeUnheld(join(cache, name), UNUSED_MS);
    }
    for (const name of readdirSync(join(cache, own), { recursive: true, encoding: 'utf8' })) {
      if (name.endsWith(TEMPORARY)) removeUnheld(join(cache, own, name), UNLOCKED_MS);
    }
  } catch {
    // Only tidying up: it does not keep the program from working.
  }
}

function removeUnheld(path: string, ageMs: number): void {
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW);
  try {
    const old = Date.now() - fstatSync(fd).mtimeMs > ageMs;
    if (old && holdAlone(fd)) rmSync(path, { recursive: true, force: true });
  } finally {
    closeSync(fd);
  }
}
