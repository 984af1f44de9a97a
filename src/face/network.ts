import type { Stage } from './manifest.ts';
import { disableTelemetry } from './telemetry.ts';

/** A tensor as a manifest describes it. */
export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

/** One model with its tensors allocated once: fill `input`, `run`, then read `output(name)`; one run at a time. */
export interface Network {
  readonly input: Float32Array;
  /** Overwritten by the next run. */
  output(name: string): Float32Array;
  run(): Promise<void>;
  close(): Promise<void>;
}

/**
 * An ONNX session on one thread; `run` blocks the event loop while it computes.
 * @throws Error when the file is no ONNX model, or its inputs and outputs are not those given
 */
export async function openNetwork(
  stage: Stage,
  file: Uint8Array,
  input: TensorSpec,
  outputs: readonly TensorSpec[],
): Promise<Network> {
  // Not a static import: telemetry has to be off before the runtime is loaded.
  disableTelemetry();
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(file, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    // The bundled embedding model meets numbers so small that the processor handles them in microcode: 56 ms a face instead
    // of 6, for the same result. It takes effect for the thread of the process's first session.
    extra: { session: { set_denormal_as_zero: '1' } },
  });
  const faults = [
    ...mismatches('input', [input], session.inputMetadata),
    ...mismatches('output', outputs, session.outputMetadata),
  ];
  if (session.inputNames.length > 1) faults.push(`takes ${session.inputNames.length} inputs instead of one`);
  if (faults.length > 0) throw new Error(`${stage} model: ${faults.join('; ')}`);

  const allocate = ({ name, shape }: TensorSpec) => {
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
    return { name, data, tensor: new Tensor('float32', data, shape) };
  };
  const fed = allocate(input);
  const fetched = outputs.map(allocate);
  const feeds = { [fed.name]: fed.tensor };
  const fetches = Object.fromEntries(fetched.map(({ name, tensor }) => [name, tensor]));
  return {
    input: fed.data,
    output(name) {
      const found = fetched.find(tensor => tensor.name === name);
      if (found === undefined) throw new Error(`${stage} model: no output ${name}`);
      return found.data;
    },
    async run() {
      await session.run(feeds, fetches);
    },
    close: () => session.release(),
  };
}

type ValueMetadata = import('onnxruntime-node').InferenceSession.ValueMetadata;

/** Symbolic dimensions, such as a batch size, fit any number. */
function mismatches(kind: string, wanted: readonly TensorSpec[], found: readonly ValueMetadata[]): string[] {
  return wanted.flatMap(({ name, shape }) => {
    const value = found.find(candidate => candidate.name === name);
    if (value === undefined)
      return `${kind} ${name} is missing, there is ${found.map(f => f.name).join(', ')}`;
    if (!value.isTensor || value.type !== 'float32') return `${kind} ${name} is no float32 tensor`;
    const actual = value.shape;
    const fits =
      actual.length === shape.length && actual.every((n, i) => typeof n === 'string' || n === shape[i]);
    return fits ? [] : `${kind} ${name} has shape [${actual.join(', ')}], not [${shape.join(', ')}]`;
  });
}
