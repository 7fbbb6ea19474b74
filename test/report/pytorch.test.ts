import {
  codeOf,
  initializers,
  layers,
  losses,
  type Model,
  model,
  ops,
  optimizers,
  regularizers,
  schedules,
  sequential,
  type Tensor,
  toConfig,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';

const codeFor = (made: Model) => codeOf({ config: toConfig(made), batchSize: 32 }, 'pytorch') ?? '';
const row = (...entries: Parameters<typeof sequential>[0]) => sequential([layers.input([4]), ...entries]).compile({ loss: 'mse' });
const steps = (...entries: Parameters<typeof sequential>[0]) => sequential([layers.input([6, 4]), ...entries]).compile({ loss: 'mse' });
const trained = (options: Parameters<Model['compile']>[0]) => codeFor(row(layers.dense(1)).compile(options));

describe('PyTorch code', () => {
  it('has comments at the end of lines, folded ones too, and where there is no module', () => {
    const code = codeFor(
      row(...Array.from({ length: 3 }, () => layers.dense(4, { activation: 'sparsemax' })), layers.gaussianNoise(0.1), layers.dense(1)),
    );
    const linear = 'drawn(nn.Linear(4, 4), nn.init.xavier_uniform_)';
    expect(code).toContain(`    *[${linear} for _ in range(3)],  # PyTorch has no module 'sparsemax'\n`);
    expect(code).toContain("    # PyTorch has no module 'gaussianNoise' (0.1)\n");
    const known = codeFor(row(...Array.from({ length: 3 }, () => layers.dense(4, { activation: 'hardTanh' }))));
    expect(known).toContain(`    *[layer for _ in range(3) for layer in (${linear}, nn.Hardtanh())],\n`);
  });

  it('standardizes by what enters the layer', () => {
    const image = sequential([layers.input([4, 4]), layers.flatten(), layers.normalization({ axis: null }), layers.dense(1)]);
    expect(codeFor(image.compile({ loss: 'mse' }))).toContain('Standardize((0, 1), x_train.flatten(1)),');
    expect(codeFor(steps(layers.normalization(), layers.lstm(2)))).toContain('Standardize((0, 1), x_train),');
    expect(codeFor(row(layers.dense(3), layers.normalization(), layers.dense(1)))).toContain(
      'Standardize((0,)),  # its mean and variance are taken from the first rows that it sees: call the model with all of them before training',
    );
    const told = layers.normalization({ axis: null, mean: 1, variance: 4 });
    expect(codeFor(row(told, layers.dense(1)))).toContain('Rescale(0.5, -0.5),');
  });

  it('computes in the default type what it standardizes or rescales', () => {
    const made = sequential([layers.input([4]), layers.normalization(), layers.rescaling(2), layers.dense(1)], { dtype: 'float64' });
    const code = codeFor(made.compile({ loss: 'mse' }));
    expect(code).toContain('torch.set_default_dtype(torch.float64)\n');
    expect(code).toContain('return (x.to(torch.get_default_dtype()) - self.mean) / self.std\n');
    expect(code).toContain('return x.to(torch.get_default_dtype()) * self.scale + self.offset\n');
    expect(code).not.toContain('.float()');
  });

  it('keeps numbers of each feature as tensors, which tuples are not multiplied by', () => {
    const buffers = 'self.register_buffer(name, torch.tensor(numbers, dtype=torch.get_default_dtype()))\n';
    const targets = codeFor(row(layers.dense(2), layers.rescaling([112000, 391], { offset: [202000, 508] })));
    expect(targets).toContain('    Rescale((112000, 391), (202000, 508)),\n');
    expect(targets).toContain(buffers);
    expect(targets).not.toContain('self.scale, self.offset = scale, offset');
    // 1 / √4 and 1 / √16; what has no variance stays.
    const told = layers.normalization({ mean: [1, 2, 3, 4], variance: [4, 16, 0, 1] });
    expect(codeFor(row(told, layers.dense(1)))).toContain('Rescale((0.5, 0.25, 1, 1), (-0.5, -0.5, -3, -4)),');
    const one = layers.normalization({ mean: 1, variance: [4, 16, 0, 1] });
    expect(codeFor(row(one, layers.dense(1)))).toContain('Rescale((0.5, 0.25, 1, 1), (-0.5, -0.25, -1, -1)),');
  });

  it('makes floats of integers that it computes with, and indices of what it looks up', () => {
    const bytes = (dtype: 'uint8' | 'int32' | 'float32', ...entries: Parameters<typeof sequential>[0]) =>
      codeFor(sequential([layers.input([4], { dtype }), ...entries]).compile({ loss: 'mse' }));
    const cast = 'Apply(lambda x: x.to(torch.get_default_dtype())),\n';
    expect(bytes('uint8', layers.flatten(), layers.dense(1))).toContain(`    nn.Flatten(),\n    ${cast}    drawn(nn.Linear(4, 1)`);
    expect(bytes('uint8', layers.rescaling(1 / 255), layers.dense(1))).not.toContain(cast);
    expect(bytes('uint8', layers.normalization(), layers.dense(1))).not.toContain(cast);
    expect(bytes('float32', layers.dense(1))).not.toContain(cast);
    const tokens = (dtype: 'uint8' | 'int32' | 'float32') => bytes(dtype, layers.embedding(9, 3), layers.flatten(), layers.dense(1));
    expect(tokens('uint8')).toContain('    Apply(lambda x: x.long()),\n    drawn(nn.Embedding(9, 3)');
    expect(tokens('float32')).toContain('    Apply(lambda x: x.long()),\n    drawn(nn.Embedding(9, 3)');
    expect(tokens('int32')).not.toContain('long()');
    const x = layers.input([4], { dtype: 'uint8' });
    const sum = layers.add().apply([x, layers.dense(4).apply(x)]);
    const merged = codeFor(model({ inputs: x, outputs: layers.dense(1).apply(sum) }).compile({ loss: 'mse' }));
    expect(merged).toContain('x2 = x0.to(torch.get_default_dtype()) + x1\n');
    expect(merged).toContain('self.f1 = nn.Sequential(Apply(lambda x: x.to(torch.get_default_dtype())), drawn(nn.Linear(4, 4)');
  });

  it('gives layers before glu all the features that it halves', () => {
    const code = codeFor(row(layers.dense(4, { activation: 'glu' }), layers.dense(1)));
    expect(code).toContain('drawn(nn.Linear(4, 4), nn.init.xavier_uniform_),\n    nn.GLU(dim=-1),\n');
    expect(code).toContain('drawn(nn.Linear(2, 1), nn.init.xavier_uniform_),');
    const convolved = codeFor(steps(layers.conv1d(6, 3, { activation: 'glu' }), layers.conv1d(2, 3)));
    expect(convolved).toContain('nn.Conv1d(4, 6, (3,))');
    expect(convolved).toContain('nn.Conv1d(3, 2, (3,))');
    expect(codeFor(steps(layers.timeDistributed(layers.dense(6, { activation: 'glu' }))))).toContain('nn.Linear(4, 6)');
  });

  it('has transposed convolutions of the length that Keras gives them', () => {
    // 6 steps by 2 make 12: PyTorch's 13 lose one behind, its 12 of a kernel of 4 one on each side.
    expect(codeFor(steps(layers.conv1dTranspose(5, 3, { strides: 2, padding: 'same' }), layers.flatten(), layers.dense(1)))).toContain(
      'ChannelsLast(nn.Sequential(drawn(nn.ConvTranspose1d(4, 5, (3,), stride=(2,)), nn.init.xavier_uniform_), nn.ConstantPad1d((0, -1), 0))),\n',
    );
    expect(codeFor(steps(layers.conv1dTranspose(5, 4, { strides: 2, padding: 'same', useBias: false })))).toContain(
      'ChannelsLast(drawn(nn.ConvTranspose1d(4, 5, (4,), stride=(2,), padding=(1,), bias=False), nn.init.xavier_uniform_)),\n',
    );
    // Windows apart from each other leave a gap behind the last, (6 - 1) * 3 + 2 = 17 of 18.
    expect(codeFor(steps(layers.conv1dTranspose(5, 2, { strides: 3 })))).toContain('(2,), stride=(3,), output_padding=(1,))');
  });

  it('convolves channels by themselves, and mixes them, each kernel drawn by fans of its own', () => {
    const options = { strides: 2, padding: 'same', depthMultiplier: 3, pointwiseInitializer: 'heNormal', activation: 'relu' } as const;
    const picture = sequential([layers.input([8, 8, 2]), layers.separableConv2d(5, 3, options)]);
    // Glorot's variance of 2 / (9 · 2 + 9 · 3) reaches √(6 / 45) to both sides.
    expect(codeFor(picture.compile({ loss: 'mse' }))).toContain(
      '    ChannelsLast(nn.Sequential(nn.ConstantPad2d((0, 1, 0, 1), 0), ' +
        'drawn(nn.Conv2d(2, 6, (3, 3), stride=(2, 2), groups=2, bias=False), nn.init.uniform_, a=-0.365148, b=0.365148), ' +
        'drawn(nn.Conv2d(6, 5, 1), nn.init.kaiming_normal_, nonlinearity="relu"))),\n    nn.ReLU(),\n',
    );
    expect(codeFor(steps(layers.depthwiseConv1d(3, { dilationRate: 2, biasInitializer: 'ones', depthwiseInitializer: 'zeros' })))).toContain(
      '    ChannelsLast(drawn(nn.Conv1d(4, 4, (3,), dilation=(2,), groups=4), nn.init.zeros_, bias=1)),\n',
    );
  });

  it('has betas with a point, without which PyTorch refuses them', () => {
    for (const name of ['adam', 'adamW', 'adamax', 'nadam'] as const) {
      const made = steps(layers.dense(3)).compile({ loss: 'mse', optimizer: optimizers[name]({ beta1: 0 }) });
      expect(codeFor(made)).toContain('betas=(0.0, 0.999)');
    }
  });

  it('has as many groups as channels where each is normalised by itself', () => {
    expect(codeFor(steps(layers.groupNormalization({ groups: -1 }), layers.groupNormalization({ groups: 2 })))).toContain(
      'ChannelsLast(nn.GroupNorm(4, 4, eps=0.001)),\n    ChannelsLast(nn.GroupNorm(2, 4, eps=0.001)),',
    );
  });

  it('has attention, whose heads may have any length, and dot products', () => {
    const code = codeFor(
      steps(layers.multiHeadAttention(2, 3, { valueDim: 5, useBias: false, causal: true, dropout: 0.1, kernelInitializer: 'heUniform' })),
    );
    const drawn = (sizes: string) => `drawn(nn.Linear(${sizes}, bias=False), nn.init.kaiming_uniform_, nonlinearity="relu")`;
    const products = ['4, 6', '4, 6', '4, 10', '10, 4'].map(drawn).join(', ');
    expect(code).toContain(`Attention(2, ${products}, dropout=0.1, causal=True),\n`);
    expect(codeFor(steps(layers.multiHeadAttention(2, 3, { kernelInitializer: 'orthogonal' })))).toContain(
      '# orthogonal weights are so as [features',
    );
    const [query, value] = [layers.input([6, 4]), layers.input([5, 3])];
    const seen = layers.multiHeadAttention(1, 4, { outputDim: 3 }).apply([query, value]);
    const outputs = [layers.dot(-1).apply([seen, value]), layers.dot([2, 2], { normalize: true }).apply([value, seen])];
    const graph = codeFor(model({ inputs: [query, value], outputs }).compile({ loss: 'mse' }));
    expect(graph).toMatch(/self\.f2 = Attention\(1, drawn\(nn\.Linear\(4, 4\), .*drawn\(nn\.Linear\(3, 4\), .*drawn\(nn\.Linear\(4, 3\), .*\n/);
    expect(graph).toContain('x2 = self.f2(x0, x1)\n        x3 = torch.einsum("bis,bjs->bij", x2, x1)\n');
    expect(graph).toContain(
      'x4 = torch.einsum("bis,bjs->bij", nn.functional.normalize(x1, dim=2, eps=1e-6), nn.functional.normalize(x2, dim=2, eps=1e-6))\n',
    );
    const [a, b] = [layers.input([4]), layers.input([4])];
    const cosine = layers.dot(1).apply([a, b]);
    expect(codeFor(model({ inputs: [a, b], outputs: cosine }).compile({ loss: 'mse' }))).toContain(
      'x2 = torch.einsum("bs,bs->b", x0, x1).unsqueeze(-1)\n',
    );
  });

  it('draws by variance scaling, and biases at their numbers', () => {
    const scaled = initializers.varianceScaling({ scale: 0.01 });
    const uniform = initializers.varianceScaling({ scale: 3, mode: 'fanAvg', distribution: 'uniform' });
    const code = codeFor(
      row(layers.dense(4, { kernelInitializer: uniform, biasInitializer: 'ones' }), layers.dense(1, { kernelInitializer: scaled })),
    );
    // A variance of 3/4 reaches √(3 · 3/4) to both sides.
    expect(code).toContain('drawn(nn.Linear(4, 4), nn.init.uniform_, a=-1.5, b=1.5, bias=1),');
    // √(0.01 / 4) = 0.05, over 0.8796… of it what is left of a normal cut at two deviations.
    expect(code).toContain('drawn(nn.Linear(4, 1), nn.init.trunc_normal_, mean=0, std=0.0568424, a=-0.113685, b=0.113685),');
    expect(codeFor(row(layers.dense(2, { kernelInitializer: 'sparse' })))).toContain("# initialized as in PyTorch, not with 'sparse'");
  });

  it.each([
    [optimizers.sgd({ momentum: 0.9, nesterov: true }), 'SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)'],
    [optimizers.adam({ beta1: 0.5, amsgrad: true }), 'Adam(model.parameters(), lr=0.001, betas=(0.5, 0.999), eps=1e-7, amsgrad=True)'],
    [optimizers.adam({ weightDecay: 0.01 }), 'AdamW(model.parameters(), lr=0.001, eps=1e-7, weight_decay=0.01)'],
    [optimizers.adamW(), 'AdamW(model.parameters(), lr=0.001, eps=1e-7, weight_decay=0.004)'],
    [optimizers.adamW({ weightDecay: 0 }), 'AdamW(model.parameters(), lr=0.001, eps=1e-7, weight_decay=0)'],
    [
      optimizers.rmsprop({ centered: true }),
      'RMSprop(model.parameters(), lr=0.001, alpha=0.9, centered=True, eps=1e-7)  # PyTorch adds eps to √v, not to v: steps for gradients near 0 are longer',
    ],
    [optimizers.adagrad(), 'Adagrad(model.parameters(), lr=0.001, initial_accumulator_value=0.1, eps=1e-7)\n'],
    [optimizers.nadam(), 'NAdam(model.parameters(), lr=0.001, eps=1e-7, momentum_decay=1)'],
    [optimizers.adadelta(), 'Adadelta(model.parameters(), lr=0.001, rho=0.95, eps=1e-7)'],
    [
      optimizers.sgd({ momentum: 0.9, learningRate: schedules.cosineDecay() }),
      'momentum=0.9)  # PyTorch applies the current learning rate to past gradients, not that of their step\nschedule = ',
    ],
    [optimizers.adafactor({ clipThreshold: 2 }), 'optimizer = torch.optim.Adafactor(model.parameters(), lr=0.001, eps=(1e-15, 0.001), d=2)\n'],
    [optimizers.adafactor({ clipThreshold: 0.5 }), 'eps=(1e-15, 0.001))  # not written: clipThreshold 0.5\n'],
    [optimizers.lion({ weightDecay: 0.1 }), 'optimizer = Lion(model.parameters(), lr=0.001, beta1=0.9, beta2=0.99, weight_decay=0.1)\n'],
    [optimizers.lamb(), 'optimizer = Lamb(model.parameters(), lr=0.001, beta1=0.9, beta2=0.999, eps=1e-7)\n'],
    [
      optimizers.ftrl({ l1RegularizationStrength: 0.1 }),
      'optimizer = Ftrl(model.parameters(), lr=0.001, power=-0.5, start=0.1, l1=0.1, l2=0, shrinkage=0, beta=0)\n',
    ],
    [optimizers.adagrad({ initialAccumulatorValue: 0 }), '# PyTorch adds eps to √v, not to v'],
    [optimizers.sgd({ momentum: 0.9, weightDecay: 0.1 }), 'momentum=0.9)\noptimizer.register_step_pre_hook(decaying(0.1))\n'],
    [optimizers.adam({ clipNorm: 1 }), '# before each step, for each parameter: torch.nn.utils.clip_grad_norm_([parameter], 1)'],
    [optimizers.adam({ gradientAccumulationSteps: 4 }), "lr=0.001, eps=1e-7)  # each step takes the mean of 4 batches' gradients"],
  ])('translates optimizers: %#', (optimizer, line) => {
    expect(trained({ loss: 'mse', optimizer })).toContain(line);
  });

  it('puts before a model the helpers that its code needs, those that they need first', () => {
    const learningRate = schedules.cosineDecayRestarts();
    const code = trained({ loss: 'mse', optimizer: optimizers.lion({ learningRate }) });
    const made = [...code.matchAll(/^(?:(?:def|class) (\w+)|(\w+) = )/gm)].map(([, defined, named]) => defined ?? named);
    expect(made).toEqual(['drawn', 'half_cosine', 'restarting', 'EachArray', 'Lion', 'model', 'optimizer', 'schedule', 'loss', 'loader']);
  });

  it('says where whole arrays that an optimizer looks at have another shape', () => {
    const said = '# PyTorch stores some arrays in another shape, so their updates differ';
    const convolved = steps(layers.conv1d(2, 3)).compile({ loss: 'mse', optimizer: 'adafactor' });
    expect(codeFor(convolved)).toContain(said);
    expect(codeFor(convolved.compile({ loss: 'mse', optimizer: 'lamb' }))).not.toContain(said);
    expect(codeFor(steps(layers.gru(2)).compile({ loss: 'mse', optimizer: 'lamb' }))).toContain(said);
  });

  it.each([
    [schedules.exponentialDecay({ initialLearningRate: 0.2 }), 0.2, '0.96 ** (step / 1000)'],
    [schedules.inverseTimeDecay({ decaySteps: 10, staircase: true }), 0.01, '1 / (1 + 0.5 * (step // 10))'],
    [schedules.polynomialDecay({ power: 2 }), 0.01, '0.99 * (1 - min(step / 1000, 1)) ** 2 + 0.01'],
    [schedules.polynomialDecay({ cycle: true, decaySteps: 30, endLearningRate: 0 }), 0.01, '(1 - step / (30 * max(1, -(-step // 30))))'],
    [schedules.cosineDecay({ alpha: 0.1 }), 0.01, '0.9 * half_cosine(step / 1000) + 0.1'],
    [
      schedules.cosineDecay({ initialLearningRate: 0, warmupTarget: 0.3, warmupSteps: 20 }),
      0.3,
      'step / 20 if step < 20 else half_cosine((step - 20) / 1000)',
    ],
    [schedules.cosineDecay({ initialLearningRate: 0.1, warmupTarget: 0.05 }), 0.1, '0.5 * half_cosine(step / 1000)'],
    [schedules.cosineDecayRestarts({ firstDecaySteps: 30, mMul: 0.5 }), 0.01, 'restarting(step / 30, 2, 0.5)'],
    [
      schedules.oneCycle({ totalSteps: 100, divFactor: 10, finalDivFactor: 2 }),
      0.1,
      '-0.9 * half_cosine(step / 29) + 1 if step <= 29 else 0.95 * half_cosine((step - 29) / 70) + 0.05',
    ],
    [schedules.oneCycle({ totalSteps: 10, pctStart: 0.1, divFactor: 10, finalDivFactor: 2 }), 0.1, '0.95 * half_cosine((step - 0) / 9) + 0.05'],
  ])('writes schedules as shares of a rate: %#', (learningRate, rate, share) => {
    const code = trained({ loss: 'mse', optimizer: optimizers.sgd({ learningRate }) });
    expect(code).toContain(
      `optimizer = torch.optim.SGD(model.parameters(), lr=${rate})\n` +
        `schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: ${share})\n# after each step: schedule.step()\n`,
    );
  });

  it('starts schedules at 0', () => {
    const learningRate = schedules.piecewiseConstantDecay({ boundaries: [10], values: [0, 0.1] });
    const code = trained({ loss: 'mse', optimizer: optimizers.sgd({ learningRate }) });
    expect(code).toContain('lr=1)\nshares = [0, 0.1]\n');
  });

  it('has losses and schedules of the user’s own under their names, to be written', () => {
    const mine = (truth: Tensor, guess: Tensor) => ops.reduceMean(ops.abs(ops.sub(truth, guess)));
    const warm = (step: number) => Math.min(1, step / 10);
    const code = trained({ loss: mine, optimizer: optimizers.sgd({ learningRate: warm }) });
    expect(code).toContain('loss = mine  # mine is a custom function: write it for PyTorch\n');
    expect(code).toContain(
      'lr=1)\nschedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warm)  # warm is a custom function: write it for PyTorch\n',
    );
  });

  it('translates losses, several with their weights, and leaves to them the activations that they hold', () => {
    expect(trained({ loss: losses.huber({ delta: 3 }), metrics: ['mae'] })).toContain(
      'loss = nn.HuberLoss(delta=3)\n# to compute yourself: meanAbsoluteError\n',
    );
    expect(trained({ loss: losses.binaryCrossentropy({ labelSmoothing: 0.2 }) })).toContain(
      'loss = nn.BCEWithLogitsLoss()  # smooth the targets first: y * 0.8 + 0.1; takes logits: remove the activation that turns them into probabilities\n',
    );
    expect(trained({ loss: 'dice' })).toContain("loss = None  # PyTorch has no loss 'dice'\n");
    const tagged = steps(layers.dense(3, { activation: 'softmax' })).compile({ loss: 'sparseCategoricalCrossentropy' });
    expect(codeFor(tagged)).toContain('loss = nn.CrossEntropyLoss()  # takes classes on axis 1: pass outputs.movedim(-1, 1)\n');
    const read = layers.input([5, 4]);
    const ways = layers.bidirectional(layers.gru(3, { returnSequences: true }), { mergeMode: null }).applyAll(read);
    const both = codeFor(
      model({ inputs: read, outputs: ways }).compile({ loss: ['sparseCategoricalCrossentropy', 'sparseCategoricalCrossentropy'] }),
    );
    expect(both.match(/takes classes on axis 1/g)).toHaveLength(2);
    const x = layers.input([4]);
    const outputs = [layers.dense(1).apply(x), layers.dense(3, { activation: 'softmax' }).apply(x)];
    const smooth = losses.categoricalCrossentropy({ labelSmoothing: 0.1 });
    const code = codeFor(model({ inputs: x, outputs }).compile({ loss: ['mse', smooth], lossWeights: [1, 0.5] }));
    expect(code).toContain(
      'losses = [\n    nn.MSELoss(),\n    nn.CrossEntropyLoss(label_smoothing=0.1),\n]\nweights = [1, 0.5]\nloss = lambda outputs, targets:',
    );
    expect(code).not.toContain('Softmax');
    const weighed = (loss: string) => codeFor(sequential([layers.input([4]), layers.dense(1)]).compile({ loss, lossWeights: [0.25] }));
    expect(weighed('mse')).toContain('loss = lambda output, target: 0.25 * nn.MSELoss()(output, target)\n');
    expect(weighed('meanSquaredLogarithmicError')).toMatch(/loss = lambda output, target: 0\.25 \* \(lambda x, y: .*\)\(output, target\)\n/);
    expect(weighed('dice')).toContain("loss = None  # PyTorch has no loss 'dice'\n");
  });

  it('keeps a shared layer once and frozen ones frozen, and says what is to be added to the loss', () => {
    const [a, b] = [layers.input([4]), layers.input([4])];
    const twin = layers.dense(4, { trainable: false, kernelRegularizer: regularizers.l2({ l2: 0.1 }), kernelConstraint: 'nonNeg' });
    const code = codeFor(model({ inputs: [a, b], outputs: layers.add().apply([twin.apply(a), twin.apply(b)]) }).compile({ loss: 'mse' }));
    expect(code).toContain(
      'self.layer2 = drawn(nn.Linear(4, 4), nn.init.xavier_uniform_).requires_grad_(False)  # add to the loss: kernelRegularizer l2(l2: 0.1); not written: kernelConstraint nonNeg\n',
    );
    expect(code).toContain('x2 = self.layer2(x0)\n        x3 = self.layer2(x1)\n');
  });

  it('freezes what learns, and says that batch normalization must stay in eval(), which no other layer does', () => {
    const frozen = { trainable: false } as const;
    const code = codeFor(
      sequential([
        layers.input([4]),
        layers.batchNormalization(frozen),
        layers.dropout(0.2, frozen),
        layers.activation('rrelu', frozen),
        layers.dense(1),
      ]).compile({ loss: 'mse' }),
    );
    expect(code).toMatch(/nn\.BatchNorm1d\(.*\)\.requires_grad_\(False\), +# frozen: keep it in eval\(\)\n/);
    expect(code).toMatch(/nn\.Dropout\(0\.2\),\n/);
    expect(code.match(/frozen/g)).toHaveLength(1);
  });

  it('says where means are over steps that a mask leaves out here', () => {
    const net = (maskZero: boolean): string =>
      codeFor(
        sequential([
          layers.input([4]),
          layers.embedding(9, 2, { maskZero }),
          layers.batchNormalization(),
          layers.globalAveragePooling1d(),
          layers.dense(1),
        ]).compile({ loss: 'mse' }),
      );
    expect(net(true).match(/(BatchNorm1d|AvgPool1d)\(.*it averages over all steps: exclude those that are masked\n/g)).toHaveLength(2);
    expect(net(false)).not.toContain('mask');
  });

  it('says what walks over, or looks at, steps that a mask leaves out here', () => {
    const net = (maskZero: boolean): string =>
      codeFor(
        sequential([
          layers.input([4]),
          layers.embedding(9, 6, { maskZero }),
          layers.multiHeadAttention(2, 3),
          layers.bidirectional(layers.gru(3, { returnSequences: true })),
          layers.lstm(3),
          layers.dense(1),
        ]).compile({ loss: 'mse' }),
      );
    const notes = (code: string): (string | undefined)[] =>
      [...code.matchAll(/^ .*(Attention|GRU|LSTM)\(.*# .*it (processes|attends to) all steps: exclude those that are masked/gm)].map(
        ([, module, does]) => `${module} ${does}`,
      );
    expect(notes(net(true))).toEqual(['Attention attends to', 'GRU processes', 'LSTM processes']);
    expect(net(false)).not.toContain('mask');
  });

  it('hands states on, and names all that a layer gives', () => {
    const [a, b] = [layers.input([5, 3]), layers.input([6, 2])];
    const [, ...states] = layers.lstm(4, { returnState: true }).applyAll(a);
    const walked = layers.gru(4).apply([b, ...states.slice(0, 1)]);
    const code = codeFor(model({ inputs: [a, b], outputs: [walked, ...states.slice(1)] }).compile({ loss: 'mse' }));
    expect(code).toMatch(/self\.f2 = Steps\(nn\.LSTM\(3, 4, batch_first=True\), .*, state=True\)\n/);
    expect(code).toContain('x2, x2_1, x2_2 = self.f2(x0)\n        x3 = self.f3(x1, x2_1)\n        return x3, x2_2\n');
    // Even where nobody asks for them.
    expect(codeFor(steps(layers.gru(3, { returnState: true }), layers.dense(1)))).toContain('x1, x1_1 = self.f1(x0)\n');
    const bent = codeFor(steps(layers.simpleRnn(3, { returnState: true, activation: 'selu' }), layers.dense(1)));
    expect(bent).toContain("x1 = x1_1 = x0  # PyTorch has no recurrent module with 'selu'\n");
  });

  it('writes layers within others', () => {
    const code = codeFor(
      steps(
        layers.timeDistributed(layers.dense(4, { activation: 'tanh' })),
        layers.bidirectional(layers.lstm(3, { returnSequences: true })),
        layers.bidirectional(layers.gru(3), { mergeMode: 'sum' }),
      ),
    );
    expect(code).toContain('EachStep(nn.Sequential(drawn(nn.Linear(4, 4), nn.init.xavier_uniform_), nn.Tanh())),');
    expect(code).toContain('Steps(nn.LSTM(4, 3, batch_first=True, bidirectional=True), last=False,');
    expect(code).toContain('Steps(nn.GRU(6, 3, batch_first=True, bidirectional=True), last=True,');
    expect(code).toContain(', merge=lambda a, b: a + b),');
  });
});
