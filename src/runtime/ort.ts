import type { DType, TypedArray } from '../core/dtype.js';
import type { Backend, OptimizationLevel } from './session.js';

/** The part of ONNX Runtime's JavaScript face that the engine uses; `onnxruntime-node` and `onnxruntime-web` both have it. */
export interface Ort {
  readonly InferenceSession: { create(model: Uint8Array, options: OrtSessionOptions): Promise<OrtSession> };
  /** Its names of element types are ours. */
  readonly Tensor: new (
    type: DType,
    data: TypedArray,
    dims: readonly number[],
  ) => OrtTensor;
  readonly env: { readonly wasm: { numThreads?: number } };
}

export interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  getData(): Promise<unknown>;
  dispose(): void;
}

export interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Outputs go into the tensors given, or into new ones where there is none. */
  run(feeds: Readonly<Record<string, OrtTensor>>, fetches: Readonly<Record<string, OrtTensor | null>>): Promise<Readonly<Record<string, OrtTensor>>>;
  readonly outputMetadata: readonly { readonly name: string; readonly shape?: readonly (number | string)[] }[];
  release(): Promise<void>;
}

export interface OrtSessionOptions {
  readonly executionProviders: readonly string[];
  readonly graphOptimizationLevel: OptimizationLevel;
  readonly intraOpNumThreads: number;
  readonly interOpNumThreads: number;
  readonly executionMode: 'sequential';
  readonly enableCpuMemArena: boolean;
  readonly preferredOutputLocation?: 'gpu-buffer';
  readonly extra?: { readonly session: Readonly<Record<string, string>> };
}

export function sessionOptions(backend: Backend, threads: number, optimization: OptimizationLevel): OrtSessionOptions {
  const common = {
    graphOptimizationLevel: optimization,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    enableCpuMemArena: true,
  } as const;
  if (backend === 'native') {
    // The process's first session sets flush-to-zero on its thread, every session on its pool's threads.
    return { ...common, executionProviders: ['cpu'], extra: { session: { set_denormal_as_zero: '1' } } };
  }
  if (backend === 'webgpu') return { ...common, executionProviders: ['webgpu'], preferredOutputLocation: 'gpu-buffer' };
  return { ...common, executionProviders: ['wasm'] };
}

/** ONNX model, opset 21, of `y = Mul(x, x)` on one float32: small enough to open a process with, and to test for denormals. */
const SQUARE = 'CAo6NQoOCgF4CgF4EgF5IgNNdWwSAWdaDwoBeBIKCggIARIECgIIAWIPCgF5EgoKCAgBEgQKAggBQgQKABAV';

/** Whether runs in this thread treat denormals as zero: (1e-20)² is one. Creates a session, so that this thread's flags are decided too. */
export async function flushesDenormals(ort: Ort, backend: Backend): Promise<boolean> {
  const model = Uint8Array.from(atob(SQUARE), (char) => char.charCodeAt(0));
  const session = await ort.InferenceSession.create(model, sessionOptions(backend, 1, 'disabled'));
  const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(1e-20), [1]) }, { y: null });
  const data = await y?.getData();
  await session.release();
  // JavaScript in a thread that flushes would take a denormal for zero as well, so look at the bits.
  return data instanceof Float32Array && new Uint32Array(data.buffer, data.byteOffset, 1)[0] === 0;
}
