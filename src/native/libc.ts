import { dlopen, FFIType } from 'bun:ffi';

const { cstring, i32, ptr, u32 } = FFIType;

const { symbols } = dlopen('libc.so.6', {
  dlerror: { args: [], returns: cstring },
  dlopen: { args: [ptr, i32], returns: ptr },
  flock: { args: [i32, i32], returns: i32 },
  mallopt: { args: [i32, i32], returns: i32 },
  memfd_create: { args: [ptr, u32], returns: i32 },
});

const text = (value: string) => Buffer.from(`${value}\0`);

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const MFD_CLOEXEC = 1;
const RTLD_LAZY = 1;
const M_MMAP_THRESHOLD = -3;

/** Waits for a lock that others may share. It lasts until the file is closed: to the end of the process, however it ends. */
export function holdShared(fd: number): boolean {
  return symbols.flock(fd, LOCK_SH) === 0;
}

/** Takes the lock that nobody shares, or returns false at once where somebody holds one. */
export function holdAlone(fd: number): boolean {
  return symbols.flock(fd, LOCK_EX | LOCK_NB) === 0;
}

/** A file descriptor of a new file in memory. Throws where the kernel refuses. */
export function memoryFile(name: string): number {
  const fd = symbols.memfd_create(text(name), MFD_CLOEXEC);
  if (fd < 0) throw new Error('the kernel gives no file in memory (memfd_create)');
  return fd;
}

/** Loads a shared library, for add-ons that need one of its name afterwards. Throws what the dynamic linker says. */
export function loadLibrary(path: string): void {
  if (symbols.dlopen(text(path), RTLD_LAZY) === null) throw new Error(String(symbols.dlerror()));
}

/** Lets native code give blocks of that many bytes and more back to the system at once, however many there were before. */
export function returnBlocksFrom(bytes: number): void {
  symbols.mallopt(M_MMAP_THRESHOLD, bytes);
}
