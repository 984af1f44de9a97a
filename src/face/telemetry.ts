import { dlopen, FFIType, ptr } from 'bun:ffi';

/**
 * Switches ONNX Runtime's telemetry off, which is otherwise on, writes files and looks up a host. To be called before the
 * runtime is loaded. It reads the variable with getenv(), which an assignment to `process.env` does not reach in Bun. A value
 * that the operator has set is kept.
 */
export function disableTelemetry(): void {
  const libc = dlopen(process.platform === 'darwin' ? 'libSystem.dylib' : 'libc.so.6', {
    setenv: { args: [FFIType.ptr, FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
  });
  const overwrite = 0;
  libc.symbols.setenv(ptr(Buffer.from('ORT_DISABLE_TELEMETRY\0')), ptr(Buffer.from('1\0')), overwrite);
  libc.close();
}
