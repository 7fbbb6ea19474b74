import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Link } from './client.js';
import { Gate } from './gate.js';
import type { Backend } from './session.js';
import { type Control, deathOf, type Ended, type WorkerSettings } from './worker-control.js';

/** A process that exits waits this long for native runs to finish, in milliseconds. */
const PATIENCE = 10_000;

interface Served {
  readonly port: MessagePort;
  readonly gate: Gate | undefined;
  /** Who wants to know that the engine has ended. */
  readonly tell: ((reason: string) => void)[];
}

/** A worker thread that this thread started, with the engines that live in it or in workers that it started in turn. */
export class EngineWorker {
  readonly #backend: Backend;
  readonly #worker: Worker;
  readonly #engines = new Map<number, Served>();
  #lastEngine = 0;
  /** The engine that lives in this very worker. */
  #own: number | undefined;
  #ending = 0;
  #alive = true;

  constructor(backend: Backend) {
    this.#backend = backend;
    // Loaders and flags of the application's own thread (execArgv) have no business here, and some are refused.
    this.#worker = new Worker(new URL('./engine-worker.js', import.meta.url), { workerData: { backend } satisfies WorkerSettings, execArgv: [] });
    let reason: string | undefined;
    this.#worker.once('error', (error) => {
      reason = deathOf(error as Error);
    });
    if (backend === 'native') this.#stopBeforeExit();
    this.#worker.once('exit', (code) => {
      this.#alive = false;
      for (const engine of [...this.#engines.keys()]) this.#tellEnded(engine, reason ?? deathOf(code));
    });
    this.#worker.on('message', ({ engine, reason: why }: Ended) => this.#tellEnded(engine, why));
    this.#worker.unref();
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** A line to an engine in this worker where it has none, else in a new worker that it starts. */
  open(threads: number): Link {
    const engine = ++this.#lastEngine;
    const kind = this.#own === undefined ? 'serve' : 'spawn';
    if (kind === 'serve') this.#own = engine;
    const { port1, port2 } = new MessageChannel();
    const gate = this.#backend === 'native' ? new Gate() : undefined;
    const served: Served = { port: port1, gate, tell: [] };
    this.#engines.set(engine, served);
    this.#worker.postMessage({ kind, engine, threads, port: port2, gate: gate?.memory } satisfies Control, [port2]);
    return this.#line(engine, served);
  }

  /** Ends the thread, and all engines in it, at once. Not for native ones: it would end the process where a run is going on. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #line(engine: number, { port, tell }: Served): Link {
    return {
      post: (request, moved) => port.postMessage(request, moved as ArrayBuffer[]),
      listen: (receive, ended) => {
        port.on('message', receive);
        tell.push(ended);
      },
      hold: (awaited) => {
        if (!this.#engines.has(engine)) return;
        if (awaited) port.ref();
        else port.unref();
      },
      end: () => this.#end(engine),
    };
  }

  async #end(engine: number): Promise<void> {
    const served = this.#engines.get(engine);
    if (!served) return;
    if (this.#ending++ === 0) this.#worker.ref();
    await new Promise<void>((resolve) => {
      served.tell.push(() => resolve());
      served.port.close();
    });
    if (--this.#ending === 0) this.#worker.unref();
  }

  /** WebAssembly can be stopped anywhere, and each of its engines has a worker: a listener for each would be many. */
  #stopBeforeExit(): void {
    const stop = () => this.#stop();
    process.once('exit', stop);
    this.#worker.once('exit', () => process.off('exit', stop));
  }

  /** Waits until no engine is inside ONNX Runtime, and keeps them out. */
  #stop(): void {
    const gates = [...this.#engines.values()].flatMap(({ gate }) => gate ?? []);
    for (const gate of gates) gate.close();
    for (const gate of gates) gate.wait(PATIENCE);
  }

  #tellEnded(engine: number, reason: string): void {
    const served = this.#engines.get(engine);
    if (!served) return;
    this.#engines.delete(engine);
    if (this.#own === engine) this.#own = undefined;
    served.port.close();
    for (const tell of served.tell) tell(reason);
  }
}
