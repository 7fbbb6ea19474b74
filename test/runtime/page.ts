// Stands in for a page: a `Worker` as browsers have it, over Node's, so that web.ts and web-worker.ts run as they are.
import { Worker as NodeWorker } from 'node:worker_threads';

const prelude = `
  const { parentPort, workerData } = require('node:worker_threads');
  const listeners = [];
  const dispatch = (data) => {
    for (const entry of [...listeners]) {
      if (entry.once) listeners.splice(listeners.indexOf(entry), 1);
      entry.listener({ data });
    }
  };
  globalThis.addEventListener = (type, listener, options) => listeners.push({ listener, once: options?.once ?? false });
  globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
  globalThis.crossOriginIsolated = false;
  // Messages wait until the script has run, as in a page.
  import(workerData).then(() => parentPort.on('message', dispatch));
`;

class PageWorker {
  readonly #worker: NodeWorker;

  constructor(url: URL) {
    this.#worker = new NodeWorker(prelude, { eval: true, workerData: url.href });
  }

  postMessage(message: unknown, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  addEventListener(type: string, listener: (event: unknown) => void): void {
    this.#worker.on(type, (value) => listener(type === 'error' ? value : { data: value }));
  }

  terminate(): void {
    void this.#worker.terminate();
  }
}

export function installPageWorker(): void {
  Object.assign(globalThis, { Worker: PageWorker });
}
