import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ArgumentError, EngineError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import { EngineClient } from '#src/runtime/client.js';
import { createEngine, sharedEngine } from '#src/runtime/index.js';
import { EngineWorker } from '#src/runtime/node-workers.js';
import type { Reply, Request } from '#src/runtime/protocol.js';
import * as web from '#src/runtime/web.js';
import { loopOfSquares } from './models.js';
import { runScript } from './scripts.js';

const identity = new NdArray(
  Float32Array.from({ length: 64 * 64 }, (_, i) => (i % 65 === 0 ? 1 : 0)),
  [64, 64],
);
const long = { steps: new NdArray(BigInt64Array.of(5000n), []), w: identity };

describe('the process', () => {
  const prelude = `
    import { NdArray } from '#src/core/ndarray.js';
    import { createEngine } from '#src/runtime/index.js';
    const engine = await createEngine();
    const session = await engine.load(Buffer.from('${Buffer.from(loopOfSquares).toString('base64')}', 'base64'));
    const w = new NdArray(new Float32Array(64 * 64), [64, 64]);
    const run = (n) => session.run({ steps: new NdArray(BigInt64Array.of(BigInt(n)), []), w }, { w_end: 'fetch' });
  `;

  test.each(['native', 'wasm'])('exits by itself after use, without dispose: %s', async (backend) => {
    const { code, output, errors } = await runScript(
      `${prelude}
      const replica = await engine.spawn();
      await replica.put(w);
      await run(1000);
      setTimeout(async () => { await run(10); console.log(engine.backend, 'done'); }, 20);`,
      { EVENKEEL_BACKEND: backend },
    );
    expect({ code, output, errors }).toEqual({ code: 0, output: `${backend} done\n`, errors: '' });
  });

  test('is not listened to by each WASM engine: it would warn of the eleventh', async () => {
    const before = process.listenerCount('exit');
    const engine = await createEngine({ backend: 'wasm' });
    const listening = process.listenerCount('exit');
    await engine.dispose();
    expect(listening).toBe(before);
  });

  test('waits for what it awaits', async () => {
    const { code, output } = await runScript(`${prelude} run(3000).then(() => console.log('finished'));`, { EVENKEEL_BACKEND: 'native' });
    expect({ code, output }).toEqual({ code: 0, output: 'finished\n' });
  });

  test.each([
    ['process.exit', 3, 'process.exit(3)'],
    ['an uncaught error', 1, "throw new Error('stop')"],
    ['process.exit and a replica', 3, 'engine.spawn().then(() => process.exit(3))'],
  ])('may end in the middle of native runs: %s', async (_, expected, statement) => {
    const { code, errors } = await runScript(
      `${prelude} for (let i = 0; i < 5; i++) run(3000).catch(() => {}); setTimeout(() => { ${statement} }, 5);`,
      {
        EVENKEEL_BACKEND: 'native',
      },
    );
    expect(errors).not.toMatch(/Napi/);
    expect(code).toBe(expected);
  });
});

describe('a worker that dies', () => {
  test('in the middle of a run rejects the run and what comes after', async () => {
    const worker = new EngineWorker('wasm');
    const engine = await EngineClient.connect('wasm', 1, (threads) => worker.open(threads));
    const session = await engine.load(loopOfSquares, { name: 'long' });
    const runs = [session.run(long, { w_end: 'fetch' }), session.run(long, { w_end: 'fetch' })];
    setTimeout(() => worker.terminate(), 20);
    for (const result of await Promise.allSettled(runs)) {
      expect(result).toMatchObject({ status: 'rejected', reason: expect.any(EngineError) });
      expect(result).toMatchObject({ reason: { message: expect.stringMatching(/'long'.*ended unexpectedly.*create a new engine/) } });
    }
    await expect(engine.put(identity)).rejects.toThrow(/ended unexpectedly/);
    await expect(engine.load(loopOfSquares)).rejects.toThrow(EngineError);
    await engine.dispose();
  });

  test('while idle makes the next call fail, replicas too', async () => {
    const worker = new EngineWorker('native');
    const engine = await EngineClient.connect('native', 1, (threads) => worker.open(threads));
    const replica = await engine.spawn();
    await worker.terminate();
    await expect(engine.put(identity)).rejects.toThrow(/ended unexpectedly/);
    await expect(replica.put(identity)).rejects.toThrow(EngineError);
    await Promise.all([engine.dispose(), replica.dispose()]);
  });

  test('before it is ready makes the engine fail to start', async () => {
    const worker = new EngineWorker('wasm');
    const starting = EngineClient.connect('wasm', 1, (threads) => worker.open(threads));
    void worker.terminate();
    await expect(starting).rejects.toThrow(/wasm engine could not be started.*ended unexpectedly/);
  });
});

describe('options', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('a backend that does not exist is refused with those that do', async () => {
    const wrong = createEngine({ backend: 'nativ' as 'native' });
    await expect(wrong).rejects.toThrow(ArgumentError);
    await expect(wrong).rejects.toThrow("backend is 'nativ', expected one of 'native', 'wasm', 'webgpu'; did you mean 'native'?");
    await expect(web.createEngine({ backend: 'native' })).rejects.toThrow(/'wasm', 'webgpu'/);
  });

  test('EVENKEEL_BACKEND chooses where the option does not', async () => {
    vi.stubEnv('EVENKEEL_BACKEND', 'gpu');
    await expect(createEngine()).rejects.toThrow(/EVENKEEL_BACKEND is 'gpu', expected one of/);
    vi.stubEnv('EVENKEEL_BACKEND', 'wasm');
    const [chosen, overruled] = await Promise.all([createEngine(), createEngine({ backend: 'native' })]);
    expect([chosen.backend, overruled.backend]).toEqual(['wasm', 'native']);
    await Promise.all([chosen.dispose(), overruled.dispose()]);
    vi.stubEnv('EVENKEEL_BACKEND', '');
    const usual = await createEngine();
    expect(usual.backend).toBe('native');
    await usual.dispose();
  });

  test('threads must be a whole number from 1', async () => {
    for (const threads of [0, -1, 1.5, Number.NaN]) await expect(createEngine({ threads })).rejects.toThrow(ArgumentError);
  });

  test('webgpu in Node is refused in words', async () => {
    await expect(createEngine({ backend: 'webgpu' })).rejects.toThrow(/webgpu.*browser/);
  });
});

describe('what nobody holds any more', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');

  /** An engine that answers as it must, and what it is told to let go of. */
  async function told(): Promise<{ engine: EngineClient; gone: string[] }> {
    const gone: string[] = [];
    let answer: (reply: Reply) => void = () => {};
    let last = 0;
    const reply = ({ id, call, request }: Request): void => {
      if (call === 'free' || call === 'unload') gone.push(`${call} ${String(request)}`);
      const value = call === 'put' ? request.map(({ dtype, shape }) => ({ id: ++last, dtype, shape })) : call === 'load' ? ++last : null;
      answer({ kind: 'answer', id, value } as Reply);
    };
    const link = {
      post: (request: Request) => queueMicrotask(() => reply(request)),
      listen(receive: typeof answer) {
        answer = receive;
        receive({ kind: 'ready', facts: { threads: 1, flushesDenormals: true } });
      },
      hold: () => {},
      end: async () => {},
    };
    return { engine: await EngineClient.connect('native', 1, () => link), gone };
  }

  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

  test('is let go of in the engine, and nothing else, nor twice', async () => {
    const { engine, gone } = await told();
    const held = [await engine.load(loopOfSquares), await engine.put(identity)] as const;
    await (async () => {
      await engine.load(loopOfSquares);
      await engine.put(identity);
      engine.free([await engine.put(identity)]);
      await (await engine.load(loopOfSquares)).dispose();
    })();
    for (let k = 0; k < 50 && gone.length < 4; k++) {
      await turn();
      collect();
    }
    await turn();
    expect(gone.sort()).toEqual(['free 4', 'free 5', 'unload 3', 'unload 6']);
    expect(held).toHaveLength(2);
  });

  test('is left to an engine that has ended', async () => {
    const { engine, gone } = await told();
    await (async () => void (await engine.put(identity)))();
    await engine.dispose();
    for (let k = 0; k < 5; k++) {
      await turn();
      collect();
    }
    expect(gone).toEqual([]);
  });
});

test('sharedEngine keeps one engine for each backend and number of threads', async () => {
  const [one, same] = await Promise.all([sharedEngine({ backend: 'native' }), sharedEngine({ backend: 'native', threads: 1 })]);
  const two = await sharedEngine({ backend: 'native', threads: 2 });
  expect(same).toBe(one);
  expect(two).not.toBe(one);
  expect([one.threads, two.threads]).toEqual([1, 2]);
  await one.dispose();
  const anew = await sharedEngine({ backend: 'native' });
  expect(anew).not.toBe(one);
  await expect(anew.put(identity)).resolves.toMatchObject({ shape: [64, 64] });
  await Promise.all([two.dispose(), anew.dispose()]);
});

test('an engine refuses what are no arrays and no bytes, and works on', async () => {
  const engine = await createEngine({ backend: 'native' });
  try {
    const session = await engine.load(loopOfSquares);
    const bad = (value: unknown): never => value as never;
    await expect(engine.put(bad(undefined))).rejects.toThrow(/^put: expected an NdArray, .* got undefined/);
    await expect(engine.putAll([identity, bad([1, 2])])).rejects.toThrow(/^put: expected an NdArray, .* got \[1, 2\]/);
    await expect(engine.load(bad('model.onnx'))).rejects.toThrow(/^load: expected the bytes of a file as a Uint8Array.*got 'model\.onnx'/);
    await expect(session.run({ ...long, w: bad(undefined) }, { w_end: 'fetch' })).rejects.toThrow(/an NdArray for 'w', .* got undefined/);
    const { fetched } = await session.run({ ...long, steps: new NdArray(BigInt64Array.of(1n), []) }, { w_end: 'fetch' });
    expect(fetched.w_end?.shape).toEqual([64, 64]);
  } finally {
    await engine.dispose();
  }
});
