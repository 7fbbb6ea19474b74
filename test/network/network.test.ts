import {
  ArgumentError,
  constant,
  EvenkeelError,
  Layer,
  type LayerContext,
  layers,
  model,
  NdArray,
  ops,
  type Signal,
  sequential,
  type Tensor,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { gradients } from '#src/graph/gradients.js';
import { Network } from '#src/network/network.js';
import { compute, numbers } from '../graph/engine.js';
import { randomArray, seededLoss, wire } from '../layers/wiring.js';
import { values } from '../training/sets.js';

const vector = (size = 3): Signal => layers.input([size]);

describe('names', () => {
  it('count per kind, in the order of the graph', () => {
    const net = sequential([vector(), layers.dense(4), layers.activation('relu'), layers.dense(2), layers.dropout(0.1), layers.batchNormalization()]);
    expect(net.layers.map(({ name }) => name)).toEqual(['input_1', 'dense_1', 'activation_1', 'dense_2', 'dropout_1', 'batchNormalization_1']);
    expect(net.variables.map(({ name }) => name)).toEqual([
      'dense_1/kernel',
      'dense_1/bias',
      'dense_2/kernel',
      'dense_2/bias',
      'batchNormalization_1/gamma',
      'batchNormalization_1/beta',
      'batchNormalization_1/moving_mean',
      'batchNormalization_1/moving_variance',
    ]);
  });

  it.each(['a\0b', 'x\ud800', '\udc00x'])('that no graph can hold are refused: %j', (name) => {
    expect(() => layers.dense(1, { name })).toThrow(ArgumentError);
    expect(() => layers.dense(1, { name })).toThrow(/a layer's name cannot hold NUL or half of a surrogate pair/);
    expect(layers.dense(1, { name: '𝛼/β x' }).name).toBe('𝛼/β x');
  });

  it('leave those alone that the user gave', () => {
    const net = sequential([vector(), layers.dense(4), layers.dense(4, { name: 'dense_1' }), layers.dense(4, { name: 'head' }), layers.dense(4)]);
    expect(net.layers.map(({ name }) => name)).toEqual(['input_1', 'dense_2', 'dense_1', 'head', 'dense_3']);
    expect(net.layer('head')).toBe(net.layers[3]);
    expect(() => net.layer('haed')).toThrow("no layer is named 'haed'; did you mean 'head'?");
  });

  it('must differ', () => {
    const twice = () => sequential([vector(), layers.dense(4, { name: 'a' }), layers.dense(4, { name: 'a' })]);
    expect(twice).toThrow(ArgumentError);
    expect(twice).toThrow(/two layers are named 'a'/);
  });

  it('of a layer that joins a second model stay', () => {
    const shared = layers.dense(3);
    sequential([vector(), layers.dense(3), shared]);
    const second = sequential([vector(), layers.dense(3), shared]);
    expect(new Set(second.layers.map(({ name }) => name)).size).toBe(3);
    expect(shared.name).toBe('dense_2');
  });
});

describe('wiring', () => {
  const both = { inputs: 'x', outputs: 'y' };

  it.each<[string, () => unknown, RegExp]>([
    [
      'an input that is not listed',
      () => joined(([a]) => [a as Signal]),
      /the outputs need the input 'input.*', which is not among the model's inputs/,
    ],
    ['an output of a layer as input', () => middle(), /inputs of a model must come from layers\.input; got the output of dense/],
    ['one input twice', () => sameTwice(), /the same input is listed twice/],
    ['no input', () => model({ inputs: [], outputs: vector() }), /inputs must be an output of layers\.input or layer\.apply/],
    ['something else', () => model(both as never), /inputs must be .* got 'x'/],
    ['a layer that was not applied', () => model({ inputs: vector(), outputs: layers.dense(3) as never }), /outputs must be/],
    [
      'an unknown option',
      () => model({ inputs: vector(), outputs: vector() }, { sede: 3 } as never),
      /model: unknown option 'sede'; did you mean 'seed'\?/,
    ],
    ['a wrong seed', () => sequential([vector(), layers.dense(1)], { seed: Number.NaN }), /seed must be a finite number, got NaN/],
    ['threads', () => sequential([vector(), layers.dense(1)], { threads: 0 }), /threads must be a whole number ≥ 1/],
    ['a dtype', () => sequential([vector(), layers.dense(1)], { dtype: 'float16' as never }), /dtype must be 'float32' or 'float64'/],
    [
      'sequential without input',
      () => sequential([layers.dense(3)]),
      /first entry must be the input, such as layers\.input\(\[28, 28\]\); got dense/,
    ],
    ['sequential of nothing', () => sequential([]), /first entry must be the input/],
    ['sequential of an input alone', () => sequential([vector()]), /at least one layer after the input/],
    ['sequential with a signal', () => sequential([vector(), vector() as never]), /entry 1 must be a layer, got the output of a layer/],
    ['sequential with a number', () => sequential([vector(), 3 as never]), /entry 1 must be a layer, got 3/],
    ['a layer applied to nothing', () => layers.dense(3).apply([]), /dense/],
    ['a layer applied to something else', () => layers.dense(3).apply(vector().shape as never), /dense/],
    ['a dense layer applied to two', () => layers.dense(3).apply([vector(), vector()]), /dense.*(one|1) input/],
    ['a shared layer of two widths', () => sharedTwice(), /shared, and its kernel has shape \[3, 2\]; this input would need \[4, 2\]/],
  ])('%s is refused', (_, work, message) => {
    expect(work).toThrow(EvenkeelError);
    expect(work).toThrow(message);
  });

  function joined(pick: (inputs: Signal[]) => Signal[]) {
    const inputs = [vector(), vector()];
    return model({ inputs: pick(inputs), outputs: layers.add().apply(inputs) });
  }
  function middle() {
    const hidden = layers.dense(3).apply(vector());
    return model({ inputs: hidden, outputs: layers.dense(3).apply(hidden) });
  }
  function sameTwice() {
    const x = vector();
    return model({ inputs: [x, x], outputs: layers.dense(1).apply(x) });
  }
  function sharedTwice() {
    const layer = layers.dense(2);
    layer.apply(vector(3));
    return layer.apply(vector(4));
  }

  it('runs calls after what they need, unused branches left out', () => {
    const x = vector();
    const a = layers.dense(3, { name: 'a' }).apply(x);
    layers.dense(3, { name: 'unused' }).apply(a);
    const b = layers.dense(3, { name: 'b' }).apply(a);
    const c = layers.add({ name: 'c' }).apply([b, a]);
    const net = new Network([x], [c, b]);
    expect(net.calls.map(({ layer }) => layer.title)).toEqual(['input_1', 'a', 'b', 'c']);
  });

  it('takes an input as an output', async () => {
    const x = vector(2);
    const net = model({ inputs: x, outputs: [x, layers.dense(1, { kernelInitializer: 'ones' }).apply(x)] });
    const [same, sum] = await net.predict([[1, 2]], { all: true });
    expect([same?.toNested(), sum?.toNested()]).toEqual([[[1, 2]], [[3]]]);
  });

  it('is as deep as one likes', () => {
    let signal = vector(2);
    for (let i = 0; i < 3000; i++) signal = layers.activation('relu').apply(signal);
    const x = vector(2);
    expect(new Network([x], [layers.dense(1).apply(x)]).calls).toHaveLength(2);
    const start = layers.input([2]);
    let end = start;
    for (let i = 0; i < 3000; i++) end = layers.activation('tanh').apply(end);
    expect(new Network([start], [end]).calls).toHaveLength(3001);
  });
});

describe('a shared layer', () => {
  it('has one set of weights, whose gradient sums over its calls', async () => {
    const [a, b] = [vector(), vector()];
    const layer = layers.dense(2, { activation: 'tanh', name: 'shared' });
    const both = wire([a, b], [layers.add().apply([layer.apply(a), layer.apply(b)])], 4, true);
    const alone = wire([a], [layer.apply(a)], 4, true);
    expect([...both.variables.keys()]).toEqual(['shared/kernel', 'shared/bias']);

    const arrays = { x1: randomArray([4, 3], 1), x2: randomArray([4, 3], 2), kernel: randomArray([3, 2], 3), bias: randomArray([2], 4) };
    const seed = randomArray([4, 2], 5);
    const grads = async ({ inputs, variables, outputs }: typeof both, xs: readonly NdArray[]) => {
      const [kernel, bias] = [variables.get('shared/kernel') as Tensor, variables.get('shared/bias') as Tensor];
      const found = gradients(seededLoss(outputs[0] as Tensor, seed), [kernel, bias]);
      const feeds = new Map([...inputs.map((tensor, i) => [tensor, xs[i] as NdArray] as const), [kernel, arrays.kernel], [bias, arrays.bias]]);
      return (await compute(found, feeds)).map(numbers);
    };
    const whole = await grads(both, [arrays.x1, arrays.x2]);
    const [first, second] = [await grads(alone, [arrays.x1]), await grads(alone, [arrays.x2])];
    whole.forEach((list, k) => {
      list.forEach((value, i) => {
        expect(value).toBeCloseTo((first[k]?.[i] ?? Number.NaN) + (second[k]?.[i] ?? Number.NaN), 12);
      });
    });
  });

  it('with dropout draws another mask for every call', async () => {
    const x = vector(400);
    const drop = layers.dropout(0.5);
    const { inputs, outputs } = wire([x], [drop.apply(x), drop.apply(x)], 1, true);
    const [one, two] = await compute(outputs, new Map([[inputs[0] as Tensor, new NdArray(new Float64Array(400).fill(1), [1, 400])]]));
    expect(new Set(numbers(one))).toEqual(new Set([0, 2]));
    expect(numbers(one)).not.toEqual(numbers(two));
  });
});

describe('a layer of one’s own', () => {
  /** y = scale · x + running count, with a statistic and a nested name. */
  class Scale extends Layer {
    readonly kind = 'scale';
    config() {
      return {};
    }
    call([x]: readonly Tensor[], context: LayerContext): Tensor {
      const scale = context.parameter('inner/scale', { shape: [], initializer: 'ones' });
      const count = context.statistic('count', { shape: [], initializer: 'zeros' });
      context.update('count', ops.add(count, 1));
      return ops.add(ops.mul(x as Tensor, scale), ops.mul(count, context.training ? 0 : 1));
    }
  }

  it('learns its parameters and keeps its statistics', async () => {
    const net = sequential([vector(1), new Scale()], { seed: 1 });
    net.compile({ loss: 'mse', optimizer: 'sgd' });
    expect(net.variables.map(({ name, trainable, shape }) => [name, trainable, shape])).toEqual([
      ['scale_1/inner/scale', true, []],
      ['scale_1/count', false, []],
    ]);
    const rows = Array.from({ length: 30 }, (_, i) => [(i % 5) - 2]);
    await net.fit(
      rows,
      rows.map(([x]) => [3 * (x ?? 0)]),
      { epochs: 60, batchSize: 10, verbose: 0 },
    );
    const [scale, count] = values(await net.getWeights()).flat();
    expect(scale).toBeCloseTo(3, 2);
    expect(count).toBe(180);
    expect((await net.predict([[1]])).at(0)).toBeCloseTo(183, 1);
  });

  it('frozen, it changes neither', async () => {
    const layer = new Scale();
    layer.trainable = false;
    const net = sequential([vector(1), layer, layers.dense(1)], { seed: 1 });
    net.compile({ loss: 'mse' });
    await net.fit([[1], [2]], [[2], [4]], { verbose: 0 });
    expect(values(await net.getWeights()).slice(0, 2)).toEqual([[1], [0]]);
    expect([...(await net.gradients([[1]], [[2]])).gradients.keys()]).toEqual(['dense_1/kernel', 'dense_1/bias']);
  });

  it('is named in its own errors', () => {
    class Broken extends Layer {
      readonly kind = 'broken';
      config() {
        return {};
      }
      call([x]: readonly Tensor[]): Tensor {
        return ops.add(x as Tensor, constant(new NdArray(Float32Array.of(1, 2, 3, 4))));
      }
    }
    expect(() => new Broken({ name: 'mine' }).apply(vector(3))).toThrow(/^mine: .*its input is \[N, 3\]/);
    class Empty extends Broken {
      override call(): Tensor {
        return undefined as unknown as Tensor;
      }
    }
    expect(() => new Empty({ name: 'mine' }).apply(vector(3))).toThrow(/mine.*must return a tensor/);
  });
});
