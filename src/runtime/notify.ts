import { dlopen, FFIType, ptr, read } from 'bun:ffi';
import { constants } from 'node:os';

/** Sends one datagram of sd_notify(3); throws what the system says. */
export type SendNote = (message: string) => void;

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2_000_000;
/** MSG_NOSIGNAL | MSG_DONTWAIT: a service manager that does not listen must not stop us. */
const FLAGS = 0x4000 | 0x40;
const CLOCK_MONOTONIC = 1;
/** Of `sockaddr_un`, with the final NUL. */
const LONGEST_PATH = 108;

const { i32, i64, ptr: pointer, u32, u64 } = FFIType;

/** What of the C library is needed, which has no other name on Linux with glibc. */
const openLibc = () =>
  dlopen('libc.so.6', {
    socket: { args: [i32, i32, i32], returns: i32 },
    sendto: { args: [i32, pointer, u64, i32, pointer, u32], returns: i64 },
    clock_gettime: { args: [i32, pointer], returns: i32 },
    __errno_location: { args: [], returns: pointer },
  }).symbols;

/** The socket's address as NOTIFY_SOCKET gives it: a path, or `@` and a name of the abstract space. */
export function socketAddress(name: string): Uint8Array {
  const path = Buffer.from(name);
  if (!/^[/@]./s.test(name))
    throw new Error(`NOTIFY_SOCKET: ${JSON.stringify(name)} is no path and no @name`);
  const abstract = name.startsWith('@');
  if (path.length + (abstract ? 0 : 1) > LONGEST_PATH) throw new Error('NOTIFY_SOCKET: the name is too long');
  if (abstract) path[0] = 0;
  const family = Buffer.alloc(2);
  new Uint16Array(family.buffer, family.byteOffset, 1)[0] = AF_UNIX;
  return Buffer.concat([family, path, ...(abstract ? [] : [Buffer.alloc(1)])]);
}

/** Opens a way to the service manager. Bun has no datagram sockets of the UNIX family, hence the C library. */
export function openNotifySocket(name: string): { send: SendNote; monotonicMicroseconds: () => bigint } {
  const address = socketAddress(name);
  const libc = openLibc();
  const failed = (call: string) => {
    const location = libc.__errno_location();
    const number = location === null ? 0 : read.i32(location, 0);
    const [code = String(number)] = Object.entries(constants.errno).find(([, n]) => n === number) ?? [];
    return Object.assign(new Error(`${call}: ${code}`), { code });
  };
  const socket = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) throw failed('socket');
  return {
    send(message) {
      const bytes = Buffer.from(message);
      const sent = libc.sendto(socket, ptr(bytes), bytes.length, FLAGS, ptr(address), address.length);
      if (Number(sent) < 0) throw failed('sendto');
    },
    monotonicMicroseconds() {
      const time = new BigInt64Array(2);
      libc.clock_gettime(CLOCK_MONOTONIC, ptr(time));
      return time[0]! * 1_000_000n + time[1]! / 1000n;
    },
  };
}
