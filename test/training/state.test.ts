import { initializers, layers, NdArray, optimizers, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import type { Engine, Resident } from '#src/runtime/index.js';
import { State } from '#src/training/state.js';

/** An engine that holds numbers and answers when the test says so, in the order in which it was asked. */
class SlowEngine {
  readonly held = new Map<Resident, number[]>();
  readonly #answers: (() => void)[] = [];

  keep(...values: number[]): Resident {
    const resident = { id: this.held.size, shape: [values.length], dtype: 'float32' } as unknown as Resident;
    this.held.set(resident, values);
    return resident;
  }

  async putAll(arrays: readonly NdArray[]): Promise<Resident[]> {
    return arrays.map((array) => this.keep(...Array.from({ length: array.size }, (_, i) => array.at(i))));
  }

  get(residents: readonly Resident[]): Promise<NdArray[]> {
    const values = residents.map((resident) => {
      const found = this.held.get(resident);
      if (!found) throw new Error('it has been freed');
      return NdArray.from(found);
    });
    return new Promise((resolve) => {
      this.#answers.push(() => resolve(values));
    });
  }

  /** How many were freed at a time. */
  readonly freed: number[] = [];

  free(residents: readonly Resident[]): void {
    this.freed.push(residents.length);
    for (const resident of residents) this.held.delete(resident);
  }

  answer(): void {
    this.#answers.shift()?.();
  }
}

const part = (name: string) => ({ name, shape: [1], initializer: initializers.zeros() });
const entries = [
  { ...part('a'), dtype: 'float32' as const },
  { ...part('b'), dtype: 'float32' as const },
  { ...part('rest'), shape: [2], dtype: 'float32' as const, parts: [part('c'), part('d')] },
];
const names = ['a', 'b', 'c', 'd'];
const numbers = (arrays: readonly NdArray[]): number[] => arrays.map((array) => array.at(0));

/** A state whose values the engine has: 1 throughout. */
async function started(): Promise<{ state: State; engine: SlowEngine; step: (value: number) => void }> {
  const [state, engine] = [new State(), new SlowEngine()];
  await state.arrange(entries, 0, () => {});
  await state.feeds(
    engine as unknown as Engine,
    entries.map(({ name }) => name),
  );
  const step = (value: number): void => state.replace({ a: engine.keep(value), b: engine.keep(value), rest: engine.keep(value, value) });
  step(1);
  return { state, engine, step };
}

describe('a state that is read while steps are taken', () => {
  it('gives what there was at the call, and does not take it for the newest', async () => {
    const { state, engine, step } = await started();
    const early = state.read(names);
    step(2);
    engine.answer();
    expect(numbers(await early)).toEqual([1, 1, 1, 1]);
    const late = state.read(names);
    engine.answer();
    expect(numbers(await late)).toEqual([2, 2, 2, 2]);
  });

  it('gives arrays of one step where only some were asked for before', async () => {
    const { state, engine, step } = await started();
    const first = state.read(['a']);
    engine.answer();
    await first;
    const all = state.read(names);
    step(2);
    engine.answer();
    expect(numbers(await all)).toEqual([1, 1, 1, 1]);
  });

  it('gives what there was before values are set meanwhile', async () => {
    const { state, engine } = await started();
    const first = state.read(['a']);
    engine.answer();
    await first;
    const all = state.read(names);
    await state.write([['a', NdArray.from([7])]]);
    engine.answer();
    expect(numbers(await all)).toEqual([1, 1, 1, 1]);
    const now = state.read(names);
    engine.answer();
    expect(numbers(await now)).toEqual([7, 1, 1, 1]);
  });

  it('goes back to kept values, whatever is read on the way', async () => {
    const { state, engine, step } = await started();
    const kept = state.keep(entries.map(({ name }) => name));
    step(2);
    const read = state.read(names);
    kept.restore();
    engine.answer();
    expect(numbers(await read)).toEqual([2, 2, 2, 2]);
    const now = state.read(names);
    engine.answer();
    expect(numbers(await now)).toEqual([1, 1, 1, 1]);
    kept.release();
    state.dispose();
    expect(engine.held.size).toBe(0);
  });

  it('frees together what a step replaces, but for what is kept', async () => {
    const { state, engine, step } = await started();
    expect(engine.freed).toEqual([3]);
    const kept = state.keep(['a']);
    step(2);
    step(3);
    expect(engine.freed).toEqual([3, 2, 3]);
    const again = state.keep(['a', 'b']);
    again.release();
    kept.release();
    expect(engine.freed).toEqual([3, 2, 3, 1]);
    state.dispose();
    expect(engine.freed).toEqual([3, 2, 3, 1, 3]);
    expect(engine.held.size).toBe(0);
  });

  it('sets one array of several that lie together, and leaves the others', async () => {
    const { state, engine } = await started();
    const written = state.write([['d', NdArray.from([5])]]);
    engine.answer();
    await written;
    const now = state.read(names);
    engine.answer();
    expect(numbers(await now)).toEqual([1, 1, 1, 5]);
  });
});

describe('a model that is read while it trains', () => {
  // Far below its target the mean absolute error falls by 1 for each unit of the bias and of the kernel: both grow by the learning rate at every step.
  const rate = 2 ** -10;
  const rows = 512;

  it('has its newest weights afterwards, and gave weights of one step each time', async () => {
    const model = sequential([layers.input([1]), layers.dense(1, { kernelInitializer: 'zeros', name: 'sum' })]);
    model.compile({ loss: 'mae', optimizer: optimizers.sgd({ learningRate: rate }) });
    const [x, y] = [1, 1e6].map((value) => new NdArray(new Float32Array(rows).fill(value), [rows, 1])) as [NdArray, NdArray];
    const stepsOf = (state: ReadonlyMap<string, NdArray>): number[] =>
      ['iterations', 'sum/bias', 'sum/kernel'].map((name) => (state.get(name)?.at(0) ?? Number.NaN) / (name === 'iterations' ? 1 : rate));
    let training = true;
    const fit = model.fit(x, y, { epochs: 20, batchSize: 8, verbose: 0, chunk: 2 }).then(() => {
      training = false;
    });
    const seen: number[][] = [];
    while (training) {
      seen.push(stepsOf(await model.getState()));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await fit;
    for (const steps of seen) expect(new Set(steps).size).toBe(1);
    expect(stepsOf(await model.getState())).toEqual([1280, 1280, 1280]);
    await model.dispose();
    expect(stepsOf(await model.getState())).toEqual([1280, 1280, 1280]);
  });
});
