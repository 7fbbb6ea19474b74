import type { MessagePort } from 'node:worker_threads';
import type { Backend } from './session.js';

/** What an engine worker of Node is started with. */
export interface WorkerSettings {
  readonly backend: Backend;
}

/**
 * What the thread that started an engine worker tells it. `serve`: be an engine on this port; `spawn`: start a worker that is one.
 * An engine ends when the other side closes its port.
 */
export interface Control {
  readonly kind: 'serve' | 'spawn';
  readonly engine: number;
  readonly threads: number;
  readonly port: MessagePort;
  /** Memory of a `Gate`; native engines only. */
  readonly gate: SharedArrayBuffer | undefined;
}

/** What the worker tells back: an engine has ended, by itself or as it was told to. */
export interface Ended {
  readonly engine: number;
  readonly reason: string;
}

/** In words, how a worker ended that nobody asked to end. */
export function deathOf(cause: Error | number): string {
  if (typeof cause === 'number') return `its worker ended unexpectedly (exit code ${cause}); create a new engine`;
  return `its worker died of ${cause.name}: ${cause.message}; create a new engine`;
}
