import { dlopen, FFIType, ptr } from 'bun:ffi';
import { socketAddress } from '../../src/runtime/notify.ts';
import { until } from './temporary.ts';

const { i32, i64, ptr: pointer, u32, u64 } = FFIType;
const libc = dlopen('libc.so.6', {
  socket: { args: [i32, i32, i32], returns: i32 },
  bind: { args: [i32, pointer, u32], returns: i32 },
  recv: { args: [i32, pointer, u64, i32], returns: i64 },
  close: { args: [i32], returns: i32 },
}).symbols;

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

/** The receiving end of sd_notify(3), as systemd has it: a datagram socket at a path or an abstract name. */
export class ServiceManager {
  /** Each datagram so far, in order. */
  readonly notes: string[] = [];
  readonly #socket: number;
  readonly #buffer = new Uint8Array(8192);

  constructor(name: string) {
    this.#socket = libc.socket(AF_UNIX, SOCK_DGRAM, 0);
    const address = socketAddress(name);
    if (libc.bind(this.#socket, ptr(address), address.length) !== 0) throw new Error(`cannot bind ${name}`);
  }

  /** Takes what has come. */
  receive(): readonly string[] {
    for (;;) {
      const length = Number(libc.recv(this.#socket, ptr(this.#buffer), this.#buffer.length, MSG_DONTWAIT));
      if (length < 0) return this.notes;
      this.notes.push(new TextDecoder().decode(this.#buffer.subarray(0, length)));
    }
  }

  /** How many of the datagrams hold this line. */
  count(line: string): number {
    return this.receive().filter(note => note.split('\n').includes(line)).length;
  }

  /** Where the first datagram is that holds a match. */
  position(pattern: RegExp): number {
    return this.receive().findIndex(note => pattern.test(note));
  }

  heard(pattern: RegExp): Promise<void> {
    return until(() => this.position(pattern) >= 0, `${pattern} among the notes`, 120_000);
  }

  close(): void {
    libc.close(this.#socket);
  }
}
