import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NdArray } from '#src/core/ndarray.js';
import { createEngine, type Engine } from '#src/runtime/index.js';
import { loopOfSquares, product } from './models.js';
import { runScript } from './scripts.js';

function square(n: number, fill: (i: number) => number): NdArray {
  return new NdArray(
    Float32Array.from({ length: n * n }, (_, i) => fill(i)),
    [n, n],
  );
}

/** The least milliseconds that a product of 256 × 256 took in the engine, its left operand filled with one number. */
async function fastestProduct(engine: Engine, left: number): Promise<number> {
  const session = await engine.load(product);
  const [a, b] = await engine.putAll([square(256, () => left), square(256, (i) => 1 + (i % 7))]);
  if (!a || !b) throw new Error('nothing was stored');
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 9; i++) {
    const start = performance.now();
    const { kept } = await session.run({ a, b }, { y: 'keep' });
    best = Math.min(best, performance.now() - start);
    engine.free(Object.values(kept));
  }
  await session.dispose();
  return best;
}

async function expectDenormalsAreCheap(engine: Engine): Promise<void> {
  expect(engine.flushesDenormals).toBe(true);
  // Without the flag the ratio is 40 to 150.
  expect(await fastestProduct(engine, 1e-40)).toBeLessThan(3 * (await fastestProduct(engine, 0.5)));
}

describe('the native engine keeps to itself', () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await createEngine({ backend: 'native' });
  });

  afterAll(() => engine.dispose());

  test("the caller's event loop stays free during a long run", async () => {
    const session = await engine.load(loopOfSquares);
    const w = square(256, (i) => (i % 257 === 0 ? 1 : 0));
    const attempts: { gap: number; duration: number }[] = [];
    // Other processes may take the processor away: a loop that were blocked would show it at every attempt.
    for (let attempt = 0; attempt < 5 && !attempts.some(({ gap }) => gap < 20); attempt++) {
      let [last, gap] = [performance.now(), 0];
      const tick = () => {
        const now = performance.now();
        gap = Math.max(gap, now - last);
        last = now;
      };
      const timer = setInterval(tick, 1);
      const start = performance.now();
      await session.run({ steps: new NdArray(BigInt64Array.of(1500n), []), w }, { w_end: 'fetch' });
      tick();
      clearInterval(timer);
      attempts.push({ gap, duration: performance.now() - start });
    }
    expect(Math.min(...attempts.map(({ duration }) => duration))).toBeGreaterThan(100);
    expect(Math.min(...attempts.map(({ gap }) => gap))).toBeLessThan(20);
  });

  test("denormals flush in the engine and not in the user's thread", async () => {
    await expectDenormalsAreCheap(engine);
    const [tiny] = [Number.MIN_VALUE].map((value) => value * 1.5);
    expect(tiny).not.toBe(0);
  });

  test('they flush in the threads of a pool', async () => {
    const wide = await createEngine({ backend: 'native', threads: 2 });
    await expectDenormalsAreCheap(wide);
    await wide.dispose();
  });

  test('they flush in replicas, and in engines made after others were disposed', async () => {
    const replica = await engine.spawn();
    await expectDenormalsAreCheap(replica);
    const first = await createEngine({ backend: 'native' });
    await first.dispose();
    const second = await createEngine({ backend: 'native' });
    await expectDenormalsAreCheap(second);
    await Promise.all([replica.dispose(), second.dispose()]);
  });

  test('where the application opened ONNX Runtime first, the engine says that they do not flush', async () => {
    const { output } = await runScript(`
      import { readFileSync } from 'node:fs';
      import ort from 'onnxruntime-node';
      import { createEngine } from '#src/runtime/index.js';
      await ort.InferenceSession.create(Buffer.from('${Buffer.from(product).toString('base64')}', 'base64'));
      console.log((await createEngine({ backend: 'native' })).flushesDenormals);
    `);
    expect(output.trim()).toBe('false');
  });
});

test('the wasm engine says that denormals stay, and they do', async () => {
  const engine = await createEngine({ backend: 'wasm' });
  expect(engine.flushesDenormals).toBe(false);
  const session = await engine.load(product);
  const { fetched } = await session.run({ a: square(1, () => 1e-20), b: square(1, () => 1e-20) }, { y: 'fetch' });
  expect(fetched.y?.at(0)).toBeCloseTo(1e-40, 44);
  expect(fetched.y?.at(0)).not.toBe(0);
  await engine.dispose();
});
