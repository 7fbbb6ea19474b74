import { describe, expect, it } from 'vitest';
import { ArgumentError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import { gradients } from '#src/graph/gradients.js';
import { input, type Tensor } from '#src/graph/node.js';
import { linear, mul, reduceSum, relu, square, zerosLike } from '#src/graph/ops/index.js';
import type { Stored } from '#src/network/network.js';
import { clipGradients, type Optimizer, optimizerFromConfig, optimizers, resolveOptimizer } from '#src/optimizers.js';
import { slotShapes, takesSeed, writeUpdate } from '#src/training/update.js';
import { array, evaluate, fixed, flatten, type Nested, operators } from './evaluate.js';
import fixture from './fixtures/optimizers.json' with { type: 'json' };

interface Golden {
  readonly test: string;
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly initial: readonly Nested[];
  /** Gradients of each step, one per variable … */
  readonly gradients?: readonly (readonly Nested[])[];
  /** … or the sum of a (x − b)² / 2 that gives them. */
  readonly quadratic?: readonly { readonly a: Nested; readonly b: Nested }[];
  readonly learningRates?: readonly number[];
  readonly expected: readonly { readonly step: number; readonly values: readonly Nested[] }[];
  readonly atol: number;
}

type Values = number[][];

/** Runs an optimizer over variables as training does; gradients come from a function of the values. */
async function trajectory(
  optimizer: Optimizer,
  initial: readonly Nested[],
  steps: number,
  gradientAt: (values: Values, step: number) => Values,
  rateAt: (step: number) => number,
) {
  const shapes = initial.map((value) => array(value).shape);
  const trained = shapes.map(
    (shape, i): Stored => ({ name: `layer_${i}/p`, shape: shape as number[], dtype: 'float32', trainable: true, parts: [], kind: 'single' }),
  );
  const given = shapes.map((shape, i) => input(`g${i}`, shape));
  const learningRate = input('rate', []);
  const iterations = input('iterations', [], 'int64');
  const values = new Map<string, Tensor>();
  const state = new Map<string, NdArray>();
  const keep = (name: string, value: NdArray): void => {
    values.set(name, input(name, value.shape));
    state.set(name, value);
  };
  trained.forEach(({ name, shape }, i) => {
    keep(name, array(initial[i] as Nested));
    for (const [slot, slotShape] of slotShapes(optimizer, shape)) {
      const start = NdArray.zeros(slotShape, 'float32');
      for (let k = 0; k < start.size; k++) start.set(k, optimizer.slotStarts?.[slot] ?? 0);
      keep(`${name}/${slot}`, start);
    }
  });
  for (const [name, value] of Object.entries(optimizer.globals ?? {})) keep(`optimizer/${name}`, array(value));
  const gradients = takesSeed(optimizer) ? given.map((gradient) => mul(gradient, learningRate)) : given;
  const outputs = Object.fromEntries(writeUpdate({ optimizer, trained, gradients, learningRate, iterations, values }));
  expect(Object.keys(outputs).sort()).toEqual([...state.keys()].sort());

  const path: Values[] = [];
  const current = (): Values => trained.map(({ name }) => flatten(state.get(name)?.toNested() as Nested));
  for (let t = 1; t <= steps; t++) {
    const now = gradientAt(current(), t);
    const feeds = new Map<Tensor, NdArray>([
      [learningRate, array(rateAt(t))],
      [iterations, new NdArray(BigInt64Array.of(BigInt(t - 1)), [])],
    ]);
    given.forEach((tensor, i) => {
      feeds.set(tensor, array(now[i] as number[]).reshape(shapes[i] ?? []));
    });
    for (const [name, tensor] of values) feeds.set(tensor, state.get(name) as NdArray);
    const next = await evaluate(outputs, feeds);
    for (const [name, numbers] of Object.entries(next)) state.set(name, array(numbers).reshape(values.get(name)?.shape as number[]));
    path.push(current());
  }
  return path;
}

/** Cases of Keras that are left out, and why. */
const leftOut = {
  'empty gradients': 'every trainable array has a gradient here',
  'overwrite_with_gradient, loss scaling': 'belong to float8 and float16, which are not trained in',
  'clipnorm and clipvalue alone': 'closed formulas stand below',
};

const goldens = (fixture.cases as unknown as Golden[]).map((one, i) => [`${one.name} (${one.test}, case ${i})`, one] as const);

describe('golden trajectories', () => {
  it(`leaves out ${Object.entries(leftOut)
    .map(([what, why]) => `${what} (${why})`)
    .join('; ')}`, () => {
    const missing = Object.keys(optimizers).filter((name) => !goldens.some(([, golden]) => golden.name === name));
    expect(missing).toEqual([]);
  });

  it.each(goldens)('%s', async (_, golden) => {
    const optimizer = optimizerFromConfig(golden.name, golden.options);
    const given = (values: Values, step: number): Values => {
      if (golden.gradients) return (golden.gradients[step - 1] ?? []).map(flatten);
      return (golden.quadratic ?? []).map(({ a, b }, i) => flatten(a).map((scale, k) => scale * ((values[i]?.[k] ?? 0) - (flatten(b)[k] ?? 0))));
    };
    const last = Math.max(...golden.expected.map(({ step }) => step));
    const rate = (step: number) => golden.learningRates?.[step - 1] ?? Number(optimizer.learningRate);
    const path = await trajectory(optimizer, golden.initial, last, given, rate);
    for (const { step, values } of golden.expected) {
      flatten(values).forEach((value, i) => {
        const received = (path[step - 1] ?? []).flat()[i] as number;
        expect(Math.abs(received - value), `step ${step}: ${received} against ${value}`).toBeLessThanOrEqual(
          golden.atol * Math.max(1, Math.abs(value)),
        );
      });
    }
  });

  it('covers the table', () => {
    expect(Object.keys(optimizers).filter((name) => !fixture.cases.some((one) => one.name === name))).toEqual([]);
  });

  it('adam moves by the learning rate at its first step, whatever the size of the gradient', async () => {
    const [first] = await trajectory(
      optimizers.adam({ epsilon: 1e-30 }),
      [[1, 1, 1]],
      1,
      () => [[1e-6, -3, 1e6]],
      () => 0.25,
    );
    [0.75, 1.25, 0.75].forEach((value, i) => {
      expect(first?.[0]?.[i]).toBeCloseTo(value, 5);
    });
  });

  it('momentum: the velocity keeps its share of earlier steps', async () => {
    // v = −0.1, −0.19, −0.271 for μ = 0.9 and lr · g = 0.1.
    const path = await trajectory(
      optimizers.sgd({ momentum: 0.9 }),
      [[1]],
      3,
      () => [[1]],
      () => 0.1,
    );
    [0.9, 0.71, 0.439].forEach((value, i) => {
      expect(path[i]?.[0]?.[0]).toBeCloseTo(value, 6);
    });
  });
});

describe.each(Object.entries(optimizers))('%s', (name, make) => {
  // FTRL makes weights anew from its sums: they tell nothing of the weights at the start, and divide by the learning rate.
  const goesOn = name !== 'ftrl';

  it.each(goesOn ? [name] : [])('%s stays put, free of NaN, at learning rate 0 and at gradient 0', async () => {
    const still = await trajectory(
      make({ weightDecay: 0.5 }),
      [[1, -2]],
      2,
      () => [[3, 0]],
      () => 0,
    );
    expect(still).toEqual([[[1, -2]], [[1, -2]]]);
    const flat = await trajectory(
      make({ weightDecay: 0 }),
      [[1, -2]],
      2,
      () => [[0, 0]],
      () => 0.1,
    );
    expect(flat).toEqual([[[1, -2]], [[1, -2]]]);
  });

  it.each(goesOn ? [name] : [])('%s decays weights by the learning rate, apart from the gradient', async () => {
    const [first] = await trajectory(
      make({ weightDecay: 0.5 }),
      [[2]],
      1,
      () => [[0]],
      () => 0.1,
    );
    expect(first?.[0]?.[0]).toBeCloseTo(2 * (1 - 0.5 * 0.1), 6);
  });

  it('comes back from its name and config', () => {
    const one = make({ learningRate: 0.25, globalClipNorm: 2 });
    const again = optimizerFromConfig(name, JSON.parse(JSON.stringify(one.config)));
    expect([again.name, again.config, again.learningRate, again.clip]).toEqual([name, one.config, 0.25, { globalNorm: 2 }]);
  });

  it('refuses impossible options', () => {
    for (const learningRate of [-1, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => make({ learningRate })).toThrow(ArgumentError);
    expect(() => make({ learningRat: 1 } as never)).toThrow(`optimizer '${name}' has no option 'learningRat'; did you mean 'learningRate'`);
    expect(() => make({ clipNorm: 1, clipValue: 1 })).toThrow(/only one way of clipping gradients can be set, got clipNorm and clipValue/);
    expect(() => make({ clipNorm: 0 })).toThrow(/clipNorm must be a finite number > 0, got 0/);
  });
});

describe('what a step costs', () => {
  const [x, w, b] = [input('x', ['N', 4]), input('w', [4, 3]), input('b', [3])];
  const [rate, step] = [input('rate', []), input('step', [])];
  const product = linear(x, w, b);

  /** Operators of a step on w beyond those of its gradient. */
  function added(optimizer: Optimizer): string[] {
    const loss = reduceSum(square(relu(product)));
    const slots = Object.fromEntries(optimizer.slots.map((name) => [name, input(name, [4, 3])]));
    const [gradient] = optimizer.linear ? gradients(loss, [w], { seeds: [rate] }) : gradients(loss, [w]);
    const inputs = [x, w, b, rate, step, ...Object.values(slots)];
    const before = operators(inputs, { gradient: gradient as Tensor });
    const update = optimizer.update({ parameter: w, gradient: gradient as Tensor, slots, learningRate: rate, step, globals: {} });
    const after = operators(inputs, { w: update.parameter, ...update.slots });
    for (const name of before) after.splice(after.indexOf(name), 1);
    return after.sort();
  }

  it('sgd is part of the product that makes the gradient', () => {
    expect(added(optimizers.sgd())).toEqual([]);
  });

  it('momentum adds one pass, nesterov four', () => {
    expect(added(optimizers.sgd({ momentum: 0.9 }))).toEqual(['Add']);
    expect(added(optimizers.sgd({ momentum: 0.9, nesterov: true }))).toEqual(['Add', 'Mul', 'Mul', 'Sub']);
  });

  it('adam computes its scalars once for all parameters', () => {
    const parameters = [3, 4, 5].map((size) => input(`p${size}`, [size]));
    const outputs = parameters.map((parameter) => {
      const slots = { m: zerosLike(parameter), v: zerosLike(parameter) };
      return optimizers.adam().update({ parameter, gradient: square(parameter), slots, learningRate: rate, step, globals: {} }).parameter;
    });
    const names = operators([...parameters, rate, step], Object.fromEntries(outputs.map((tensor, i) => [`p${i}`, tensor])));
    expect(names.filter((name) => name === 'Pow')).toHaveLength(2);
    expect(names.filter((name) => name === 'Sqrt')).toHaveLength(1 + parameters.length);
  });
});

describe('clipGradients', () => {
  const given = () => [fixed([3, 4]), fixed([[0.3], [0]]), fixed([0, 0])];
  const clipped = async (clip: Parameters<typeof clipGradients>[0]) => {
    const [a, b, c] = clipGradients(clip, given());
    return Object.values(await evaluate({ a: a as Tensor, b: b as Tensor, c: c as Tensor }));
  };
  const close = (received: number[][], expected: number[][]) => {
    expect(received.map((row) => row.map((value) => Number(value.toFixed(6))))).toEqual(expected);
  };

  it('shortens each gradient to a norm, and leaves short ones and zeros alone', async () => {
    close(await clipped({ norm: 1 }), [
      [0.6, 0.8],
      [0.3, 0],
      [0, 0],
    ]);
  });

  it('shortens the gradients of each layer together, each row of a stack by itself', async () => {
    const given = [
      fixed([3, 4]),
      fixed([[0], [12]]),
      fixed([
        [3, 0],
        [0.3, 0],
      ]),
      fixed([4, 0.4]),
    ];
    const owners = [
      { layer: 'a', stacked: false },
      { layer: 'a', stacked: false },
      { layer: 'row', stacked: true },
      { layer: 'row', stacked: true },
    ];
    const [a, b, c, d] = clipGradients({ layerNorm: 1 }, given, owners) as [Tensor, Tensor, Tensor, Tensor];
    close(Object.values(await evaluate({ a, b, c, d })), [
      [3, 4].map((value) => Number((value / 13).toFixed(6))),
      [0, Number((12 / 13).toFixed(6))],
      [0.6, 0, 0.3, 0],
      [0.8, 0.4],
    ]);
  });

  it('shortens all gradients together', async () => {
    const norm = Math.hypot(3, 4, 0.3);
    close(await clipped({ globalNorm: 1 }), [
      [3 / norm, 4 / norm].map((value) => Number(value.toFixed(6))),
      [Number((0.3 / norm).toFixed(6)), 0],
      [0, 0],
    ]);
    close(await clipped({ globalNorm: 100 }), [
      [3, 4],
      [0.3, 0],
      [0, 0],
    ]);
  });

  it('bounds each element', async () => {
    close(await clipped({ value: 3.5 }), [
      [3, 3.5],
      [0.3, 0],
      [0, 0],
    ]);
  });

  it('leaves gradients as they are where no bound is set', () => {
    const tensors = given();
    expect(clipGradients({}, tensors)).toEqual(tensors);
  });
});

describe('resolveOptimizer', () => {
  it('knows names, Keras spellings and instances', () => {
    expect(resolveOptimizer('SGD').name).toBe('sgd');
    expect(resolveOptimizer('adamw').weightDecay).toBe(0.004);
    expect(optimizerFromConfig('adam', { learning_rate: 0.5, beta_1: 0.8, weight_decay: null, clipnorm: 1 })).toMatchObject({
      learningRate: 0.5,
      clip: { norm: 1 },
    });
    const own = optimizers.sgd();
    expect(resolveOptimizer(own)).toBe(own);
  });

  it('refuses what is none', () => {
    expect(() => resolveOptimizer('adamm')).toThrow(/unknown optimizer 'adamm'; did you mean 'adam'/);
    expect(() => resolveOptimizer(optimizers.sgd as never)).toThrow(/the function that creates one; pass 'sgd'/);
    expect(() => resolveOptimizer((() => 1) as never)).toThrow(/expected the name of an optimizer or an instance, got/);
    expect(() => optimizers.sgd({ momentum: 1 })).toThrow("optimizer 'sgd': momentum must be a finite number ≥ 0 and < 1, got 1");
    expect(() => optimizers.adam({ epsilon: 0 })).toThrow(/epsilon must be a finite number > 0/);
  });

  it('says which array is missing', () => {
    const context = { parameter: fixed([1]), gradient: fixed([1]), slots: {}, learningRate: fixed(1), step: fixed(1), globals: {} };
    expect(() => optimizers.sgd({ momentum: 0.5 }).update(context)).toThrow(/array 'velocity' is missing/);
  });
});
