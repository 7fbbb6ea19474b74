import { EngineError } from '../core/errors.js';
import { EngineClient, type Link } from './client.js';
import { type Resolved, resolveOptions, sharing } from './options.js';
import type { Backend, Engine, EngineOptions } from './session.js';

/** What a page's engine worker is started with. */
export interface WebSettings {
  readonly backend: Backend;
  readonly threads: number;
}

function resolve(options: EngineOptions): Resolved {
  return resolveOptions(options, ['wasm', 'webgpu']);
}

function open(backend: Backend, threads: number): Link {
  const worker = new Worker(new URL('./web-worker.js', import.meta.url), { type: 'module' });
  worker.postMessage({ backend, threads } satisfies WebSettings);
  return {
    post: (request, moved) => worker.postMessage(request, moved),
    listen: (receive, end) => {
      worker.addEventListener('message', ({ data }) => receive(data));
      const fail = (why: string): void => {
        worker.terminate();
        end(`${why}; create a new engine`);
      };
      worker.addEventListener('messageerror', () => fail('a message of its worker could not be read'));
      worker.addEventListener('error', ({ message }) => fail(`its worker died: ${message ?? 'the script could not be loaded'}`));
    },
    hold: () => {},
    end: async () => worker.terminate(),
  };
}

async function create(options: EngineOptions): Promise<EngineClient> {
  const { backend, threads } = resolve(options);
  if (typeof Worker === 'undefined') throw new EngineError('this platform has no Web Workers, which the engine needs');
  return EngineClient.connect(backend, threads, (replicaThreads) => open(backend, replicaThreads));
}

/**
 * Starts ONNX Runtime in a Web Worker: WebAssembly by default, or WebGPU. More than one thread needs a page that is cross-origin isolated;
 * `threads` tells how many there are. Denormal numbers are not flushed here.
 * @throws ArgumentError for unknown options, EngineError if ONNX Runtime does not start.
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  return create(options);
}

/**
 * The engine that this page keeps for a backend and a number of threads; made by the first call, anew where it has been disposed or has died.
 * @throws ArgumentError for unknown options, EngineError if ONNX Runtime does not start.
 */
export const sharedEngine: (options?: EngineOptions) => Promise<Engine> = sharing(resolve, create);

/** Threads that the machine can run at once; one where the page is not isolated, since WebAssembly threads need shared memory. */
export function availableThreads(): number {
  return globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
}
