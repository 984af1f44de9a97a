import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Running, start } from '../system.ts';

export interface VirtualMachine extends Running {
  /** What the machine, firmware and all, has read from its disk so far. */
  bytesRead(): Promise<number>;
}

export const MAC = '0e:12:34:56:78:9a';
const uuid = 'ec2e1916-9099-7caf-fd21-0123456789ab';
const firmware = '/usr/share/OVMF';

/**
 * Boots a disk as EC2's Nitro system does: UEFI, NVMe root, the firmware's strings that tell cloud-init where it is. What
 * the machine sends to any address leaves through this process's network. The disk is not written to. Every instruction is
 * emulated, and fused multiply-add so slowly that a photo would take a minute: the engine gets on without it.
 */
export async function bootVirtualMachine(disk: string): Promise<VirtualMachine> {
  const control = join(await mkdtemp(join(tmpdir(), 'facerec-qemu-')), 'qmp');
  const running = start(
    [
      'qemu-system-x86_64',
      ...[
        '-accel',
        'tcg,tb-size=512',
        '-cpu',
        'max,fma=off',
        '-smp',
        '1',
        '-m',
        '1024',
        '-machine',
        'q35,usb=off',
      ],
      ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-no-reboot', '-nic', 'none'],
      ...['-qmp', `unix:${control},server=on,wait=off`],
      ...['-smbios', 'type=0,vendor=Amazon EC2'],
      ...['-smbios', `type=1,manufacturer=Amazon EC2,product=t3.micro,uuid=${uuid},serial=${uuid}`],
      ...['-smbios', 'type=3,asset=i-0123456789abcdef0'],
      ...['-drive', `if=pflash,format=raw,readonly=on,file=${firmware}/OVMF_CODE_4M.fd`],
      ...['-drive', `if=pflash,format=raw,snapshot=on,file=${firmware}/OVMF_VARS_4M.fd`],
      ...['-drive', `if=none,id=root,format=raw,snapshot=on,file=${disk}`],
      ...['-device', 'nvme,drive=root,serial=vol0123456789abcdef0,bootindex=0'],
      ...['-netdev', 'user,id=net', '-device', `virtio-net-pci,netdev=net,mac=${MAC},romfile=`],
      ...['-device', 'virtio-rng-pci'],
    ],
    { PATH: process.env.PATH ?? '', TMPDIR: tmpdir() },
  );
  return {
    ...running,
    async bytesRead() {
      const devices = (await ask(control, 'query-blockstats')) as BlockStatistics[];
      const root = devices.find(({ qdev, device }) => device === 'root' || qdev?.includes('nvme'));
      if (!root) throw new Error(`no statistics of the disk: ${JSON.stringify(devices)}`);
      return root.stats.rd_bytes;
    },
  };
}

interface BlockStatistics {
  readonly device: string;
  readonly qdev?: string;
  readonly stats: { readonly rd_bytes: number };
}

/** One question over QEMU's control socket. */
async function ask(path: string, command: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  let text = '';
  const socket = await Bun.connect({
    unix: path,
    socket: {
      data(_, bytes) {
        text += bytes.toString();
        const lines = text.split('\r\n');
        text = lines.pop() ?? '';
        for (const line of lines) {
          const answer = JSON.parse(line);
          if (answer.id === command) resolve(answer.return);
          if (answer.error) reject(new Error(JSON.stringify(answer.error)));
        }
      },
      error: (_, error) => reject(error),
      close: () => reject(new Error('QEMU has closed its control socket')),
    },
  });
  for (const execute of ['qmp_capabilities', command])
    socket.write(`${JSON.stringify({ execute, id: execute })}\r\n`);
  return promise.finally(() => socket.end());
}
