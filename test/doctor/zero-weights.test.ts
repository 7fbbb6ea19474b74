import { constraints, doctor, layers, type Model, model, optimizers, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { examine, row, severityOf, train } from './patients.js';
import { glyphSet } from './sets.js';

const relu = { activation: 'relu', kernelInitializer: 'heNormal' } as const;
const [x, y] = [glyphSet.x.slice(0, 256), glyphSet.y.slice(0, 256)];
const illRules = async (built: Model) => {
  const found = doctor.diagnose(await built.examine(x, y)).filter(({ severity }) => severity === 'ill');
  return found.map(({ rule }) => rule);
};

/** Residual blocks of two dense layers each, by how their kernels are drawn. */
function residual(inner: string, outer: string, head = 'glorotUniform'): Model {
  const inputs = layers.input([28, 28], { dtype: 'uint8' });
  let stream = layers.dense(32).apply(layers.normalization({ axis: null }).apply(layers.flatten().apply(inputs)));
  for (let block = 0; block < 4; block++) {
    const hidden = layers.dense(32, { activation: 'relu', kernelInitializer: inner }).apply(stream);
    stream = layers.add().apply([stream, layers.dense(32, { kernelInitializer: outer }).apply(hidden)]);
  }
  const outputs = layers.dense(10, { activation: 'softmax', kernelInitializer: head }).apply(stream);
  return model({ inputs, outputs }, { seed: 1 }).compile({ optimizer: optimizers.adam(), loss: 'sparseCategoricalCrossentropy' });
}

describe('residual branches that end in zeros', () => {
  it('are healthy before the first step (Goyal et al. 2017), for what goes around them is drawn', async () => {
    expect(await illRules(residual('heNormal', 'zeros'))).toEqual([]);
  });

  it('never begin to learn where nothing in them is drawn', async () => {
    expect(await illRules(residual('zeros', 'zeros'))).toContain('constant-weights');
  });

  it('may have a last layer of zeros behind them (Zhang et al. 2019, Fixup)', async () => {
    expect(await illRules(residual('heNormal', 'zeros', 'zeros'))).toEqual([]);
  });

  it('are no excuse for layers that nothing goes around', async () => {
    const plain = sequential([
      layers.input([28, 28], { dtype: 'uint8' }),
      layers.flatten(),
      layers.dense(32, { kernelInitializer: 'zeros' }),
      layers.dense(10, { activation: 'softmax' }),
    ]);
    expect(await illRules(plain.compile({ loss: 'sparseCategoricalCrossentropy' }))).toContain('constant-weights');
  });
});

describe('a last layer of zeros', () => {
  const head = () => [layers.dense(10, { activation: 'softmax', kernelInitializer: 'zeros' })];

  it.each([
    ['sgd', optimizers.sgd({ learningRate: 0.1 })],
    ['adam', optimizers.adam()],
  ])('is moved by its first step under %s, whose speed is that of no other layer', async (_, optimizer) => {
    const trace = await examine({ hidden: () => row(2, 32, relu), head, compile: { optimizer } });
    expect([severityOf(trace, 'step-too-small'), severityOf(trace, 'uneven-speeds')]).toEqual([undefined, undefined]);
  });

  it('still shows too small a rate once it has begun', async () => {
    const trace = await train({ hidden: () => row(2, 32, relu), head, compile: { optimizer: optimizers.sgd({ learningRate: 1e-7 }) } });
    expect(severityOf(trace, 'step-too-small')).toBe('ill');
  });
});

describe('a first step of constrained weights', () => {
  const bound = (learningRate: number) =>
    examine({
      hidden: () => row(2, 32, { ...relu, kernelConstraint: constraints.maxNorm({ maxValue: 0.2 }) }),
      compile: { optimizer: optimizers.adam({ learningRate }) },
    });

  it('is not what the projection makes of it', async () => {
    expect(severityOf(await bound(0.001), 'step-too-large')).toBeUndefined();
    expect(severityOf(await bound(1e-7), 'step-too-small')).toBe('ill');
  });
});

describe('minibatches of one row', () => {
  it('tell of no rows that look alike', async () => {
    const trace = await train({ hidden: () => row(2, 32, relu), fit: { batchSize: 1, epochs: 1 } });
    expect(severityOf(trace, 'signal-dying')).toBeUndefined();
  });
});
