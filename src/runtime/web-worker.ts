// The engine's thread in a page.
import { EngineHost } from './host.js';
import type { Ort } from './ort.js';
import type { Backend } from './session.js';
import type { WebSettings } from './web.js';

/** The part of a worker's global scope that is used here; the DOM's own types describe a window. */
interface Scope {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void, options?: { once: boolean }): void;
  readonly crossOriginIsolated: boolean;
}

const scope = globalThis as unknown as Scope;

async function open(backend: Backend): Promise<Ort> {
  return (await (backend === 'webgpu' ? import('onnxruntime-web/webgpu') : import('onnxruntime-web/wasm'))) as unknown as Ort;
}

scope.addEventListener(
  'message',
  ({ data }) => {
    const { backend, threads } = data as WebSettings;
    const port = {
      post: (reply: unknown, moved: Transferable[]) => scope.postMessage(reply, moved),
      listen: (receive: (request: never) => void) => scope.addEventListener('message', (event) => receive(event.data as never)),
    };
    void EngineHost.serve(port, backend, scope.crossOriginIsolated ? threads : 1, () => open(backend));
  },
  { once: true },
);
