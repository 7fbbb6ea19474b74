import * as ort from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { Gate } from '#src/runtime/gate.js';
import { EngineHost } from '#src/runtime/host.js';
import type { Ort } from '#src/runtime/ort.js';
import type { Reply, Request } from '#src/runtime/protocol.js';
import { loopOfSquares } from './models.js';

test('a host whose session cannot be released lets others into ONNX Runtime', async () => {
  let release = true;
  const create: typeof ort.InferenceSession.create = async (...given: unknown[]) => {
    const session = await (ort.InferenceSession.create as (...given: unknown[]) => Promise<ort.InferenceSession>)(...given);
    const free = session.release.bind(session);
    session.release = async () => {
      await free();
      if (!release) throw new Error('it cannot be released');
    };
    return session;
  };
  const open = async (): Promise<Ort> => ({ ...ort, InferenceSession: { create } }) as unknown as Ort;
  const replies: Reply[] = [];
  let ask: ((request: Request) => void) | undefined;
  const port = {
    post: (reply: Reply) => void replies.push(reply),
    listen: (receive: (request: Request) => void) => {
      ask = receive;
    },
  };
  const gate = new Gate();
  const host = await EngineHost.serve(port, 'native', 1, open, gate);
  ask?.({ id: 1, call: 'load', request: { model: loopOfSquares, threads: 1, optimization: 'all' } } as Request);
  await expect.poll(() => replies.map(({ kind }) => kind)).toEqual(['ready', 'answer']);
  release = false;
  await expect(host?.close()).rejects.toThrow('it cannot be released');
  const began = performance.now();
  gate.wait(5000);
  expect(performance.now() - began).toBeLessThan(4000);
});
