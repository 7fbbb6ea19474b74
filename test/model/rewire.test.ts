import { fromConfig, layers, model, NdArray, sequential, toConfig } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { freshName, insertAfter, ordered, usedOnce, withLayer } from '#src/model/rewire.js';

const x = new NdArray(
  Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
  [3, 4],
);
const row = () => sequential([layers.input([4]), layers.dense(5, { activation: 'tanh' }), layers.dense(2)], { seed: 3 });

/** A shared layer, a skip connection, two outputs. */
function graph() {
  const enter = layers.input([4]);
  const shared = layers.dense(4, { activation: 'relu' });
  const once = shared.apply(enter);
  const twice = shared.apply(once);
  const sum = layers.add().apply([twice, enter]);
  return model({ inputs: enter, outputs: [layers.dense(1).apply(sum), layers.dense(3).apply(once)] }, { seed: 5 });
}

const outputs = async (config: unknown) =>
  (await fromConfig(config).predict(x, { all: true })).map((array) => Array.from({ length: array.size }, (_, i) => array.at(i)));

describe('descriptions rewired', () => {
  it('behind the first of two inputs, the second is still an input', async () => {
    const [a, b] = [layers.input([4]), layers.input([4])];
    const two = model({ inputs: [a, b], outputs: layers.dense(2).apply(layers.concatenate().apply([a, b])) }, { seed: 5 });
    const before = await two.predict([x, x]);
    for (const call of [0, 1]) {
      const after = await fromConfig(insertAfter(toConfig(two), call, { kind: 'identity', config: {} })).predict([x, x]);
      expect([...after.data]).toEqual([...before.data]);
    }
  });

  it('in order they stand as the network that they make', async () => {
    const [a, b] = [layers.input([4]), layers.input([4])];
    const shared = layers.dense(4);
    const sum = layers.add().apply([shared.apply(a), shared.apply(b)]);
    const two = toConfig(model({ inputs: [a, b], outputs: [layers.dense(1).apply(layers.subtract().apply([sum, b])), sum] }));
    let moved = 0;
    for (const call of two.calls.keys()) {
      const inserted = insertAfter(insertAfter(two, call, { kind: 'identity', config: {} }), 0, { kind: 'identity', config: {} });
      const made = toConfig(fromConfig(inserted));
      const named = ({ calls, layers: all }: typeof made) => calls.map(({ layer, inputs }) => [all[layer]?.name, ...inputs]);
      expect(named(ordered(inserted))).toEqual(named(made));
      expect([ordered(inserted).inputs, ordered(inserted).outputs]).toEqual([made.inputs, made.outputs]);
      moved += Number(ordered(inserted) !== inserted);
    }
    expect(moved).toBeGreaterThan(0);
    expect(ordered(two)).toBe(two);
  });

  it.each([
    ['a row', row],
    ['a graph', graph],
  ])('a layer that changes nothing, behind any call of %s, changes nothing', async (_, make) => {
    const config = toConfig(make());
    const before = await outputs(config);
    for (const call of config.calls.keys()) {
      const inserted = insertAfter(config, call, { kind: 'identity', config: {} });
      expect(inserted.calls).toHaveLength(config.calls.length + 1);
      expect(await outputs(inserted)).toEqual(before);
    }
  });

  it('a layer behind the output takes its place', async () => {
    const config = toConfig(row());
    const halved = insertAfter(config, 2, { kind: 'rescaling', config: { scale: 0.5 } });
    const [before, after] = [await outputs(config), await outputs(halved)];
    expect(after[0]?.map((value) => 2 * value)).toEqual(before[0]);
  });

  it('a layer that merges takes earlier calls as well', async () => {
    const config = toConfig(sequential([layers.input([4]), layers.identity()]));
    const [doubled] = await outputs(insertAfter(config, 1, { kind: 'add', config: {} }, [0]));
    expect(doubled).toEqual(Array.from({ length: 12 }, (_, i) => Math.fround(2 * x.at(i))));
  });

  it('new layers have names of their own, old ones keep theirs', () => {
    const config = toConfig(graph());
    expect(freshName(config, 'dense')).toBe('dense_4');
    expect(insertAfter(config, 0, { kind: 'identity', config: {} }).layers.map(({ name }) => name)).toEqual([
      ...config.layers.map(({ name }) => name),
      'identity_1',
    ]);
    expect(withLayer(config, 'dense_1', (layer) => ({ ...layer, trainable: false })).layers.map(({ trainable }) => trainable)).toContain(false);
  });

  it('knows which layers are shared', () => {
    const config = toConfig(graph());
    expect([0, 1, 2].map((call) => usedOnce(config, call))).toEqual([true, false, false]);
  });
});
