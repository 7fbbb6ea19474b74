// The engine's thread in Node. The first native one of a process also starts all later ones: a thread inherits flush-to-zero from its parent.
import { type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import { Gate } from './gate.js';
import { EngineHost, type HostPort } from './host.js';
import type { Ort } from './ort.js';
import { type Control, deathOf, type Ended, type WorkerSettings } from './worker-control.js';

const { backend } = workerData as WorkerSettings;

async function open(): Promise<Ort> {
  if (backend !== 'native') return (await import('onnxruntime-web')) as unknown as Ort;
  return (await import('onnxruntime-node')).default as unknown as Ort;
}

function hostPort(port: MessagePort): HostPort {
  return {
    post: (reply, moved) => port.postMessage(reply, moved as ArrayBuffer[]),
    listen: (receive) => port.on('message', receive),
  };
}

function tellEnded(engine: number, reason: string): void {
  parentPort?.postMessage({ engine, reason } satisfies Ended);
}

function serve({ engine, port, threads, gate }: Control): void {
  const serving = EngineHost.serve(hostPort(port), backend, threads, open, gate && new Gate(gate));
  port.once('close', async () => {
    await (await serving)?.close();
    tellEnded(engine, 'it was shut down');
  });
}

function spawn(control: Control): void {
  const { engine } = control;
  const worker = new Worker(new URL(import.meta.url), { workerData, execArgv: [] });
  let reason: string | undefined;
  worker.once('error', (error) => {
    reason = deathOf(error as Error);
  });
  worker.once('exit', (code) => tellEnded(engine, reason ?? deathOf(code)));
  // Its engine is all it has, and it is outside ONNX Runtime when it says that the engine has ended.
  worker.once('message', () => worker.terminate());
  worker.postMessage({ ...control, kind: 'serve' } satisfies Control, [control.port]);
}

parentPort?.on('message', (control: Control) => (control.kind === 'spawn' ? spawn(control) : serve(control)));
