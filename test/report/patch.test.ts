import { codeOf, fromConfig, initializers, layers, type Model, optimizers, patchOf, schedules, sequential, type Treatment, toConfig } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { insertAfter } from '#src/model/rewire.js';
import { folded } from '#src/report/code/fold.js';
import { linesChanged } from '#src/report/code/lines-changed.js';

const deep = (activation: string, options: object = {}) =>
  sequential(
    [
      layers.input([28, 28], { dtype: 'uint8' }),
      layers.flatten(),
      layers.normalization({ axis: null }),
      ...Array.from({ length: 4 }, () => layers.dense(30, { activation, ...options })),
      layers.dropout(0.2),
      layers.dense(10, { activation: 'softmax' }),
    ],
    { seed: 7 },
  );
const loss = 'sparseCategoricalCrossentropy';
const written = (made: Model) => ({ config: toConfig(made), batchSize: 32 });

describe('a change as code', () => {
  const before = written(deep('sigmoid').compile({ loss }) as Model);
  const after = written(deep('selu', { kernelInitializer: 'auto' }).compile({ loss, optimizer: optimizers.adam({ globalClipNorm: 1 }) }) as Model);
  const sides = { before, after } as unknown as Parameters<typeof patchOf>[0];
  const lines = (framework: 'evenkeel' | 'keras' | 'pytorch') => patchOf(sides, framework)?.split('\n') ?? [];
  const changed = (framework: 'evenkeel' | 'keras' | 'pytorch') => lines(framework).filter((line) => /^[-+]/.test(line));

  it('of Evenkeel', () => {
    expect(changed('evenkeel')).toEqual([
      "-   ...Array.from({ length: 4 }, () => layers.dense(30, { activation: 'sigmoid' })),",
      "+   ...Array.from({ length: 4 }, () => layers.dense(30, { activation: 'selu', kernelInitializer: 'auto' })),",
      "-   optimizer: 'sgd',",
      '+   optimizer: optimizers.adam({ globalClipNorm: 1 }),',
    ]);
  });

  it('of Keras, where what suits an activation has a name of its own', () => {
    expect(changed('keras')).toEqual([
      '-     *[keras.layers.Dense(30, activation="sigmoid") for _ in range(4)],',
      '+     *[keras.layers.Dense(30, activation="selu", kernel_initializer="lecun_normal") for _ in range(4)],',
      '-     optimizer="sgd",',
      '+     optimizer=keras.optimizers.Adam(global_clipnorm=1),',
    ]);
  });

  it('of PyTorch, with the sizes that it asks for', () => {
    const list = changed('pytorch');
    expect(list).toContain('+     drawn(nn.Linear(784, 30), nn.init.kaiming_normal_, nonlinearity="linear"),');
    expect(list).toContain('- optimizer = torch.optim.SGD(model.parameters(), lr=0.01)');
    expect(list).toContain('+ optimizer = torch.optim.Adam(model.parameters(), lr=0.001, eps=1e-7)');
    expect(list).toContain('+ # before each step: torch.nn.utils.clip_grad_norm_(model.parameters(), 1)');
  });

  it('is empty where nothing changes, and undefined where functions of layers are of the user’s own', () => {
    expect(patchOf({ before, after: before } as unknown as typeof sides)).toBe('');
    const own = layers.dense(1, { activation: (x) => x });
    for (const made of [sequential([layers.input([2]), own]), sequential([layers.input([3, 2]), layers.timeDistributed(own)])]) {
      expect(codeOf(written(made.compile({ loss: 'mse' })), 'keras')).toBeUndefined();
      expect(codeOf(written(made.compile({ loss: 'mse' })), 'pytorch')).toBeUndefined();
      expect(() => codeOf(made as never, 'keras')).toThrow(/^codeOf: expected \{ config: toConfig\(model\), batchSize: 32 \}, got a Model/);
      expect(() => codeOf({ config: toConfig(made) } as never, 'keras')).toThrow(/batchSize: 32 \}, got /);
    }
  });

  it('stays a row where a layer comes in, also beside functions of the user’s own', () => {
    const own = sequential([layers.input([2]), layers.dense(3, { activation: (x) => x }), layers.dense(1)]).compile({ loss: 'mse' });
    const config = insertAfter(toConfig(own), 0, { kind: 'normalization', config: { axis: -1 } });
    const sides = { before: written(own), after: { config, batchSize: 32 } } as unknown as Treatment;
    expect(
      patchOf(sides)
        ?.split('\n')
        .filter((line) => /^[-+]/.test(line)),
    ).toEqual(['+   layers.normalization(),']);
  });

  it('a skip connection makes a graph of a row', () => {
    const config = insertAfter(before.config, 4, { kind: 'add', config: {} }, [3]);
    expect(codeOf({ ...before, config }, 'keras')).toContain('x5 = keras.layers.Add()([x4, x3])');
    expect(codeOf({ ...before, config }, 'pytorch')).toContain('x5 = x4 + x3');
    expect(codeOf({ ...before, config }, 'evenkeel')).toContain('const x5 = layers.add().apply([x4, x3]);');
  });

  it('writes schedules, and says of initializers that a framework lacks what they do', () => {
    const made = deep('tanh', { kernelInitializer: 'lsuv' }).compile({
      loss,
      optimizer: optimizers.sgd({ learningRate: schedules.exponentialDecay({ initialLearningRate: 0.1, decaySteps: 10, decayRate: 0.5 }) }),
    });
    expect(codeOf(written(made), 'keras')).toContain('# Keras has no such initializer: orthogonal, then scaled');
    expect(codeOf(written(made), 'keras')).toContain('keras.optimizers.schedules.ExponentialDecay');
    expect(codeOf(written(made), 'pytorch')).toContain('LambdaLR(optimizer, lambda step: 0.5 ** (step / 10))\n# after each step: schedule.step()');
    const falls = schedules.piecewiseConstantDecay({ boundaries: [600, 850], values: [0.1, 0.03, 0.01] });
    made.compile({ loss, optimizer: optimizers.sgd({ learningRate: falls }) });
    expect(codeOf(written(made), 'keras')).toContain(
      'keras.optimizers.schedules.PiecewiseConstantDecay(boundaries=(600, 850), values=(0.1, 0.03, 0.01))',
    );
    const lines = codeOf(written(made), 'pytorch') ?? '';
    expect(lines).toContain('torch.optim.SGD(model.parameters(), lr=0.1)');
    expect(lines).toContain('shares = [1, 0.3, 0.1]');
    expect(lines).toContain('torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: shares[sum(step > bound for bound in [600, 850])])');
  });

  it('writes convolutions and recurrent layers under the names of Keras', () => {
    const convolved = sequential([layers.input([8, 8, 1]), layers.conv2d(4, 3), layers.flatten(), layers.dense(2)]).compile({ loss: 'mse' });
    expect(codeOf(written(convolved), 'keras')).toContain('keras.layers.Conv2D(4, (3, 3)');
    const recurrent = sequential([layers.input([8, 2]), layers.lstm(4), layers.dense(2)]).compile({ loss: 'mse' });
    expect(codeOf(written(recurrent), 'keras')).toContain('keras.layers.LSTM(4');
  });

  it('writes for Keras what Keras takes: its own slopes, words and rates, and no clipping by layer', () => {
    const optimizer = optimizers.adam({ learningRate: 1, layerClipNorm: 0.5 });
    const kernelInitializer = initializers.varianceScaling({ scale: 3, mode: 'fanOut' });
    const bent = sequential([
      layers.input([6, 6, 1], { dtype: 'uint8' }),
      layers.conv2d(2, 3, { activation: 'leakyRelu', kernelInitializer }),
      layers.averagePooling2d(),
      layers.flatten(),
      layers.dense(2, { activation: 'gelu' }),
    ]).compile({ loss: 'mse', optimizer });
    const code = codeOf(written(bent), 'keras');
    // Keras's own leaky_relu has a slope of 0.2.
    expect(code).toContain('activation=lambda x: keras.activations.leaky_relu(x, negative_slope=0.01)');
    expect(code).toContain('activation="gelu"');
    expect(code).toContain('mode="fan_out"');
    expect(code).toContain('AveragePooling2D(pool_size=(2, 2))');
    expect(code).toContain('keras.optimizers.Adam(learning_rate=1.0)');
    const named = sequential([
      layers.input([4]),
      layers.dense(2, { kernelInitializer: initializers.normal({ stddev: 1 }), kernelRegularizer: 'l1l2' }),
    ]);
    const adam = codeOf(written(named.compile({ loss: 'mse', optimizer: optimizers.adam({ beta1: 0.5 }) })), 'keras');
    expect(adam).toContain('keras.optimizers.Adam(beta_1=0.5)');
    expect(adam).toContain('keras.initializers.RandomNormal(stddev=1)');
    expect(adam).toContain('keras.regularizers.L1L2(');
    expect(codeOf(written(named.compile({ loss: 'mse', optimizer: 'adamW' })), 'keras')).toContain('optimizer="adamw"');
    expect(code).toContain("# Keras does not clip by layer: scale each layer's gradients down to a norm of 0.5");
    expect(code).toContain('keras.Input(shape=(6, 6, 1))');
  });

  it('has PyTorch convolve with channels last, padded as Keras pads', () => {
    const convolved = sequential([
      layers.input([7, 8, 3]),
      layers.conv2d(4, [3, 2], { padding: 'same', strides: 2, useBias: false, kernelInitializer: 'heNormal' }),
      layers.batchNormalization(),
      layers.maxPooling2d(),
      layers.conv2d(6, 1, { padding: 'same', activation: 'relu' }),
      layers.globalAveragePooling2d(),
      layers.dense(2),
    ]).compile({ loss: 'mse' });
    const code = codeOf(written(convolved), 'pytorch');
    // Rows: 7 of 3 at 2 take 1 zero before and 1 behind; columns: 8 of 2 at 2 take none.
    expect(code).toContain(
      'ChannelsLast(nn.Sequential(nn.ConstantPad2d((0, 0, 1, 1), 0), drawn(nn.Conv2d(3, 4, (3, 2), stride=(2, 2), bias=False), ',
    );
    expect(code).toContain('ChannelsLast(nn.BatchNorm2d(4');
    expect(code).toContain('ChannelsLast(nn.MaxPool2d((2, 2)))');
    expect(code).toContain('ChannelsLast(drawn(nn.Conv2d(4, 6, (1, 1), padding="same")');
    expect(code).toContain('ChannelsLast(nn.AdaptiveAvgPool2d(1))');
    const causal = sequential([layers.input([7, 3]), layers.conv1d(4, 3, { padding: 'causal' }), layers.flatten(), layers.dense(2)]);
    expect(codeOf(written(causal.compile({ loss: 'mse' })), 'pytorch')).toContain(
      'nn.Sequential(nn.ConstantPad1d((2, 0), 0), drawn(nn.Conv1d(3, 4, (3,)),',
    );
  });

  it('draws the weights of PyTorch’s recurrent modules as they are drawn here', () => {
    const walked = sequential([
      layers.input([8, 2]),
      layers.lstm(4, { returnSequences: true }),
      layers.simpleRnn(3, { activation: 'relu', recurrentInitializer: 'identity' }),
    ]).compile({ loss: 'mse' });
    const code = codeOf(written(walked), 'pytorch');
    expect(code).toContain('last=False, kernel=nn.init.xavier_uniform_, recurrent=nn.init.orthogonal_, forget=1.0)');
    expect(code).toContain('last=True, kernel=nn.init.xavier_uniform_, recurrent=nn.init.eye_)');
  });

  it('takes the last step of PyTorch’s recurrent modules, or all', () => {
    const hidden = [layers.gru(4, { returnSequences: true }), layers.simpleRnn(3, { activation: 'relu' })];
    const code = codeOf(written(sequential([layers.input([8, 2]), ...hidden, layers.dense(2)]).compile({ loss: 'mse' })), 'pytorch');
    expect(code).toContain('Steps(nn.GRU(2, 4, batch_first=True), last=False, ');
    expect(code).toContain('Steps(nn.RNN(4, 3, nonlinearity="relu", batch_first=True), last=True, ');
    expect(code).toContain('class Steps(nn.Module):');
  });

  it('reads descriptions as people write them, and models that are not compiled', () => {
    const dense = { kind: 'dense', units: 3, activation: 'leakyRelu', kernelInitializer: { name: 'varianceScaling', scale: 2 } };
    const given = { layers: [{ kind: 'input', shape: [4] }, dense], compile: { loss: 'mse', metrics: ['mae'] } };
    const told = { config: toConfig(fromConfig(given)), batchSize: 32 };
    for (const framework of ['evenkeel', 'keras', 'pytorch'] as const) {
      expect(codeOf({ config: given as never, batchSize: 32 }, framework)).toBe(codeOf(told, framework));
    }
    const bare = { ...told, config: toConfig(fromConfig({ layers: given.layers })) };
    expect(codeOf(bare, 'evenkeel')).not.toContain('compile');
    expect(codeOf(bare, 'keras')).not.toContain('compile');
    expect(codeOf(bare, 'pytorch')).not.toContain('optimizer');
  });

  it('names the nearest framework', () => {
    expect(() => patchOf(sides, 'kera' as 'keras')).toThrow("did you mean 'keras'");
  });
});

describe('lines', () => {
  it('that repeat three times stand once, blocks of several too', () => {
    expect(folded(['a', 'a', 'b', 'c', 'b', 'c', 'b', 'c', 'd'])).toEqual([
      { lines: ['a'], count: 1 },
      { lines: ['a'], count: 1 },
      { lines: ['b', 'c'], count: 3 },
      { lines: ['d'], count: 1 },
    ]);
  });

  it('that change stand with two of their neighbours', () => {
    expect(linesChanged(['1', '2', '3', '4', '5', '6', '7'], ['1', '2', '3', '4', 'x', '6', '7'])).toEqual([
      '  …',
      '  3',
      '  4',
      '- 5',
      '+ x',
      '  6',
      '  7',
    ]);
    expect(linesChanged(['a'], ['a'])).toEqual([]);
  });
});
