import { AbortError, type BatchLike, callbacks, EngineError, layers, type Model, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { EngineClient } from '#src/runtime/client.js';
import { EngineWorker } from '#src/runtime/node-workers.js';
import { runScript } from '../runtime/scripts.js';
import { labelled, values } from './sets.js';

const set = labelled(64);

function build(options: Parameters<typeof sequential>[1] = {}): Model {
  const model = sequential([layers.input([6]), layers.dense(16, { activation: 'selu' }), layers.dense(3, { activation: 'softmax' })], {
    seed: 3,
    ...options,
  });
  return model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' });
}

describe('an AbortSignal', () => {
  it('rejects; what was trained stays, and fit goes on', async () => {
    const model = build();
    const abort = new AbortController();
    const reason = new Error('enough');
    const running = model.fit(set, {
      epochs: 1e6,
      batchSize: 8,
      verbose: 0,
      signal: abort.signal,
      callbacks: [{ onProgress: (_, __, { step }) => (step > 40 ? abort.abort(reason) : undefined) }],
    });
    await expect(running).rejects.toThrow(AbortError);
    const error = await running.catch((caught: AbortError) => caught);
    const steps = (await model.getState()).get('iterations')?.at(0) ?? 0;
    expect(steps).toBeGreaterThan(40);
    expect((error as AbortError).message).toBe(`training was aborted after step ${steps}`);
    expect((error as AbortError).cause).toBe(reason);
    expect(
      values(await model.getWeights())
        .flat()
        .every(Number.isFinite),
    ).toBe(true);
    expect((await model.fit(set, { batchSize: 8, verbose: 0 })).steps).toBe(8);
    expect((await model.getState()).get('iterations')?.at(0)).toBe(steps + 8);
  });

  it('tells what was logged by then', async () => {
    const abort = new AbortController();
    const losses: number[] = [];
    const callback = {
      onEpochEnd: (epoch: number, { loss = Number.NaN }: Readonly<Record<string, number>>) => {
        losses.push(loss);
        if (epoch === 2) abort.abort();
      },
    };
    const error = await build()
      .fit(set, { epochs: 9, verbose: 0, signal: abort.signal, callbacks: [callback] })
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(AbortError);
    expect((error as AbortError).history?.loss).toEqual(losses);
    expect(losses).toHaveLength(3);
  });

  it('before an epoch is validated leaves that epoch out, to callbacks and in what was logged', async () => {
    for (const last of [false, true]) {
      const abort = new AbortController();
      const ended: Readonly<Record<string, number>>[] = [];
      const error = await build()
        .fit(set, {
          epochs: 3,
          verbose: 0,
          validationSplit: 0.25,
          signal: abort.signal,
          callbacks: [
            {
              every: 'epoch',
              onBatchEnd: (_, __, { epoch }) => (epoch === (last ? 2 : 1) ? abort.abort() : undefined),
              onEpochEnd: (_, logs) => void ended.push({ ...logs }),
            },
            callbacks.earlyStopping({ patience: 5 }),
          ],
        })
        .catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(AbortError);
      const { loss, val_loss } = (error as AbortError).history ?? {};
      expect([loss, val_loss]).toEqual([ended.map((logs) => logs.loss), ended.map((logs) => logs.val_loss)]);
      expect(ended).toHaveLength(last ? 2 : 1);
    }
  });

  it('from outside stops in the middle of an epoch', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 60);
    const began = performance.now();
    await expect(build().fit(labelled(20_000), { epochs: 1000, batchSize: 1, verbose: 0, signal: abort.signal })).rejects.toThrow(AbortError);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it('that has fired before takes no step', async () => {
    const model = build();
    const before = values(await model.getWeights());
    await expect(model.fit(set, { verbose: 0, signal: AbortSignal.abort() })).rejects.toThrow(/training was aborted after step 0/);
    expect(values(await model.getWeights())).toEqual(before);
  });

  it('does not wait for a generator that hangs', async () => {
    const model = build();
    const abort = new AbortController();
    async function* stuck(): AsyncGenerator<BatchLike> {
      yield { x: set.x, y: set.y };
      setTimeout(() => abort.abort(), 20);
      await new Promise(() => {});
    }
    await expect(model.fit(stuck, { verbose: 0, chunk: 1, signal: abort.signal })).rejects.toThrow(/training was aborted after step 1/);
    expect((await model.fit(set, { verbose: 0 })).steps).toBe(2);
  });
});

describe('an engine that dies', () => {
  it.each(['native', 'wasm'] as const)('rejects the fit, and the model says so from then on: %s', async (backend) => {
    const worker = new EngineWorker(backend);
    const engine = await EngineClient.connect(backend, 1, (threads) => worker.open(threads));
    const model = build({ engine });
    const running = model.fit(set, {
      epochs: 1e6,
      batchSize: 8,
      verbose: 0,
      callbacks: [{ onProgress: (_, __, { step }) => (step > 40 ? void worker.terminate() : undefined) }],
    });
    await expect(running).rejects.toThrow(EngineError);
    await expect(running).rejects.toThrow(/ended unexpectedly/);
    await expect(model.predict(set.x)).rejects.toThrow(/ended unexpectedly/);
    await expect(model.fit(set, { verbose: 0 })).rejects.toThrow(EngineError);
  });

  it('a disposed model goes on where it was', async () => {
    const model = build();
    await model.fit(set, { verbose: 0 });
    const state = values((await model.getState()).values());
    await model.dispose();
    expect(values((await model.getState()).values())).toEqual(state);
    const whole = build();
    await model.fit(set, { initialEpoch: 1, epochs: 2, verbose: 0 });
    await whole.fit(set, { epochs: 2, verbose: 0 });
    expect(values(await model.getWeights())).toEqual(values(await whole.getWeights()));
  });
});

describe('the process', () => {
  const prelude = `
    import { sequential, layers } from 'evenkeel';
    const model = sequential([layers.input([4]), layers.dense(8, { activation: 'tanh' }), layers.dense(2, { activation: 'softmax' })], { seed: 1 });
    model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
    const x = Array.from({ length: 32 }, (_, i) => [i % 2, i % 3, i % 5, 1]);
    const y = Array.from({ length: 32 }, (_, i) => i % 2);
  `;

  it.each(['native', 'wasm'])('exits by itself after fit, without dispose: %s', async (backend) => {
    const { code, output, errors } = await runScript(
      `${prelude}
      const { steps } = await model.fit(x, y, { epochs: 3, batchSize: 4, verbose: 0 });
      console.log(steps, (await model.predict(x)).shape.join());`,
      { EVENKEEL_BACKEND: backend },
    );
    expect({ code, output, errors }).toEqual({ code: 0, output: '24 32,2\n', errors: '' });
  });

  it('exits after a fit that was aborted', async () => {
    const { code, output } = await runScript(`${prelude}
      const signal = AbortSignal.timeout(100);
      await model.fit(x, y, { epochs: 1e9, verbose: 0, signal }).catch((error) => console.log(error.name));`);
    expect({ code, output }).toEqual({ code: 0, output: 'AbortError\n' });
  });
});
