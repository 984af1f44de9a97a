import { expect, test } from 'bun:test';
import { join } from 'node:path';

const script = `
  import { dlopen } from 'bun:ffi';
  import { disableTelemetry } from ${JSON.stringify(join(import.meta.dir, '../../../src/face/telemetry.ts'))};
  disableTelemetry();
  const libc = dlopen(process.platform === 'darwin' ? 'libSystem.dylib' : 'libc.so.6', {
    getenv: { args: ['cstring'], returns: 'cstring' },
  });
  console.log(String(libc.symbols.getenv(Buffer.from('ORT_DISABLE_TELEMETRY\\0'))));
`;

function seenByNativeCode(env: Record<string, string>): string {
  const { ORT_DISABLE_TELEMETRY: _, ...rest } = process.env;
  const { stdout } = Bun.spawnSync([process.execPath, '-e', script], { env: { ...rest, ...env } });
  return stdout.toString().trim();
}

test('native code sees that telemetry is off', () => {
  expect(seenByNativeCode({})).toBe('1');
});

test('the operator’s own value wins', () => {
  expect(seenByNativeCode({ ORT_DISABLE_TELEMETRY: '0' })).toBe('0');
});
