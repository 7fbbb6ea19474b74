import { availableParallelism } from 'node:os';
import { EngineError } from '../core/errors.js';
import { EngineClient, type Link } from './client.js';
import { EngineWorker } from './node-workers.js';
import { type Resolved, resolveOptions, sharing } from './options.js';
import type { Engine, EngineOptions } from './session.js';

/** The worker in which the process's first native session was made; it alone can start threads that flush denormals, so it stays. */
let root: EngineWorker | undefined;

function resolve(options: EngineOptions): Resolved {
  return resolveOptions(options, ['native', 'wasm', 'webgpu'], process.env.EVENKEEL_BACKEND);
}

function openNative(threads: number): Link {
  if (!root?.alive) root = new EngineWorker('native');
  return root.open(threads);
}

function openWasm(threads: number): Link {
  const worker = new EngineWorker('wasm');
  // WebAssembly stops where it is told to, and no other engine lives in this worker.
  return { ...worker.open(threads), end: () => worker.terminate() };
}

async function create(options: EngineOptions): Promise<EngineClient> {
  const { backend, threads } = resolve(options);
  if (backend === 'webgpu') {
    throw new EngineError("the webgpu backend runs only in a browser, not yet in Node; use 'native' or 'wasm'", {
      argument: 'backend',
      received: backend,
    });
  }
  return EngineClient.connect(backend, threads, backend === 'native' ? openNative : openWasm);
}

/**
 * Starts ONNX Runtime in a worker thread: `onnxruntime-node` for 'native', `onnxruntime-web` for 'wasm'. The caller's thread never loads either.
 *
 * Native engines treat denormal numbers as zero, and the caller's thread does not. ONNX Runtime decides this with the first session of the
 * process: where the application has opened one of its own before, `flushesDenormals` is false.
 * @throws ArgumentError for unknown options, EngineError if ONNX Runtime does not start.
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  return create(options);
}

/**
 * The engine that this process keeps for a backend and a number of threads; made by the first call, anew where it has been disposed or has died.
 * As with `createEngine`, only the process's first session decides whether denormals flush.
 * @throws ArgumentError for unknown options, EngineError if ONNX Runtime does not start.
 */
export const sharedEngine: (options?: EngineOptions) => Promise<Engine> = sharing(resolve, create);

/** Threads that the machine can run at once. */
export function availableThreads(): number {
  return availableParallelism();
}
