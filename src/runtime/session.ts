import type { DType } from '../core/dtype.js';
import type { NdArray } from '../core/ndarray.js';
import type { StaticShape } from '../core/shape.js';

/** Which build of ONNX Runtime executes graphs: native kernels, WebAssembly on the CPU, or WebGPU. */
export type Backend = 'native' | 'wasm' | 'webgpu';

/** How far ONNX Runtime rewrites a graph when it loads it. */
export type OptimizationLevel = 'disabled' | 'basic' | 'extended' | 'all';

export interface EngineOptions {
  /** Default: the environment variable `EVENKEEL_BACKEND`, else native in Node and wasm in a page. */
  readonly backend?: Backend;
  /** Threads that one run may use, unless `load` says otherwise. Default 1. */
  readonly threads?: number;
}

export interface LoadOptions {
  /** Threads that a run of this session may use; default the engine's. WASM has one number for the whole worker and ignores this one. */
  readonly threads?: number;
  /** Name of the session in errors; default 'graph'. */
  readonly name?: string;
  /** Default 'disabled': it loads large graphs 3 to 4 times faster and runs them as fast. */
  readonly optimization?: OptimizationLevel;
}

/** A value that stays in the engine between runs; it is only valid in the engine that created it. */
export interface Resident {
  readonly id: number;
  readonly dtype: DType;
  readonly shape: StaticShape;
}

/** Inputs of a run, by name. Arrays on shared memory are passed to the engine without a copy; do not write to them during the run. */
export type Feeds = Readonly<Record<string, NdArray | Resident>>;

/** What to do with each output: fetch it into an array, or keep it in the engine. Outputs not named are not returned. */
export type OutputPlan = Readonly<Record<string, 'fetch' | 'keep'>>;

export interface RunOptions {
  /** Residents to free after the run has succeeded; they are kept if it fails. */
  readonly free?: readonly Resident[];
}

export interface RunResult {
  readonly fetched: Readonly<Record<string, NdArray>>;
  readonly kept: Readonly<Record<string, Resident>>;
}

/** A loaded graph. Runs of one engine are executed in the order they were requested. */
export interface Session {
  /** @throws EngineError with ONNX Runtime's message where the feeds do not fit the graph; the session stays usable. */
  run(feeds: Feeds, outputs: OutputPlan, options?: RunOptions): Promise<RunResult>;
  dispose(): Promise<void>;
}

/** ONNX Runtime in its own thread. All calls reject with EngineError once the engine is disposed or its thread has died. */
export interface Engine {
  readonly backend: Backend;
  /** Default number of threads of its sessions. */
  readonly threads: number;
  /** Whether its sessions treat denormal numbers as zero, as tested when it started. */
  readonly flushesDenormals: boolean;

  /** @param model a graph in ONNX's binary format. @throws EngineError if ONNX Runtime refuses it. */
  load(model: Uint8Array, options?: LoadOptions): Promise<Session>;

  /** Copies an array into the engine. */
  put(array: NdArray): Promise<Resident>;
  /** Copies arrays into the engine, in one message. */
  putAll(arrays: readonly NdArray[]): Promise<Resident[]>;
  /** Copies values from the engine. @throws EngineError if one has been freed. */
  get(residents: readonly Resident[]): Promise<NdArray[]>;
  /** Frees values, after all runs requested earlier. Freeing a value twice has no effect. */
  free(residents: readonly Resident[]): void;

  /** Memory that both sides can access without copying: a SharedArrayBuffer if the platform has it, else an ArrayBuffer. */
  allocate(bytes: number): ArrayBufferLike;

  /** A replica: an engine in its own thread that flushes denormals like this one. It ends with its parent. */
  spawn(options?: { readonly threads?: number }): Promise<Engine>;

  /**
   * Ends the engine and its replicas. Pending requests are rejected at once; resolves when the threads are free, which for a native engine is when the current run has finished.
   */
  dispose(): Promise<void>;
}
