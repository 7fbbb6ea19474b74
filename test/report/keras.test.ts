import { activations, codeOf, layers, losses, type Model, metrics, model, optimizers, schedules, sequential, toConfig } from 'evenkeel';
import { describe, expect, it } from 'vitest';

const codeFor = (made: Model) => codeOf({ config: toConfig(made), batchSize: 32 }, 'keras') ?? '';
const row = (...entries: Parameters<typeof sequential>[0]) => sequential([layers.input([4]), ...entries]).compile({ loss: 'mse' });
const steps = (...entries: Parameters<typeof sequential>[0]) => sequential([layers.input([6, 4]), ...entries]).compile({ loss: 'mse' });

describe('Keras code', () => {
  it('makes a shared layer once, and keeps frozen ones frozen', () => {
    const [a, b] = [layers.input([4]), layers.input([4])];
    const twin = layers.dense(4, { trainable: false, name: 'a "twin"' });
    const joined = layers.concatenate().apply([twin.apply(a), twin.apply(b)]);
    const outputs = [layers.dense(1).apply(joined), layers.dense(3, { activation: 'softmax' }).apply(joined)];
    const code = codeFor(
      model({ inputs: [a, b], outputs }).compile({
        loss: ['mse', losses.categoricalCrossentropy({ labelSmoothing: 0.1 })],
        lossWeights: [1, 0.1],
        metrics: { dense_2: ['accuracy'] },
      }),
    );
    expect(code).toContain('layer2 = keras.layers.Dense(4, name="a \\"twin\\"", trainable=False)\nx2 = layer2(x0)\nx3 = layer2(x1)');
    expect(code).toContain('loss=["mean_squared_error", keras.losses.CategoricalCrossentropy(label_smoothing=0.1)],');
    expect(code).toContain('loss_weights=[1, 0.1],');
    expect(code).toContain('metrics=[[], ["accuracy"]],');
  });

  it('writes layers within others', () => {
    const code = codeFor(
      steps(
        layers.timeDistributed(layers.dense(4, { activation: 'tanh', trainable: false })),
        layers.bidirectional(layers.lstm(4, { returnSequences: true }), { mergeMode: 'sum' }),
        layers.bidirectional(layers.gru(3), { backwardLayer: layers.gru(2, { goBackwards: true }) }),
      ),
    );
    expect(code).toContain('keras.layers.TimeDistributed(keras.layers.Dense(4, activation="tanh", trainable=False)),');
    expect(code).toContain('keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True), merge_mode="sum"),');
    expect(code).toContain('keras.layers.Bidirectional(keras.layers.GRU(3), backward_layer=keras.layers.GRU(2, go_backwards=True)),');
  });

  it('makes both directions of what Keras can describe: of functions with names, and of layers that differ', () => {
    const bent = (activation: Parameters<typeof layers.simpleRnn>[1]) =>
      layers.bidirectional(layers.simpleRnn(3, { returnSequences: true, ...activation }));
    const [leaky, threshold] = [{ activation: 'leakyRelu' }, { activation: activations.threshold({ threshold: -1, value: 2 }) }] as const;
    const code = codeFor(steps(bent(leaky), bent(threshold), bent(leaky), bent({ activation: 'relu' }), layers.simpleRnn(2, leaky)));
    expect(code).toMatch(
      /^@keras\.saving\.register_keras_serializable\(\)\ndef leaky_relu_negative_slope_0_01\(x\): return keras\.activations\.leaky_relu\(x, negative_slope=0\.01\)\n@/,
    );
    expect(code.match(/^def /gm)).toHaveLength(2);
    expect(code).toContain(
      'def threshold_threshold_minus_1_default_value_2(x): return keras.activations.threshold(x, threshold=-1, default_value=2)\nmodel = ',
    );
    expect(code).toContain('Bidirectional(keras.layers.SimpleRNN(3, activation=leaky_relu_negative_slope_0_01, return_sequences=True)),\n');
    // What Keras does not make twice may stay without a name.
    expect(code).toContain('    keras.layers.SimpleRNN(2, activation=lambda x: ');
    const back = layers.bidirectional(layers.gru(3, { goBackwards: true, name: 'back', trainable: false }));
    expect(codeFor(steps(back))).toContain(
      'Bidirectional(keras.layers.GRU(3, go_backwards=True, name="back", trainable=False), backward_layer=keras.layers.GRU(3, trainable=False)),',
    );
  });

  it('hands states on, and names all that a layer gives', () => {
    const [a, b] = [layers.input([5, 3]), layers.input([6, 2])];
    const [, ...states] = layers.lstm(4, { returnState: true }).applyAll(a);
    const walked = layers.lstm(4).apply([b, ...states]);
    expect(codeFor(model({ inputs: [a, b], outputs: [walked, ...states.slice(1)] }).compile({ loss: 'mse' }))).toContain(
      'x2, x2_1, x2_2 = keras.layers.LSTM(4, return_state=True)(x0)\nx3 = keras.layers.LSTM(4)(x1, initial_state=[x2_1, x2_2])\n' +
        'model = keras.Model([x0, x1], [x3, x2_2])\n',
    );
    expect(codeFor(steps(layers.gru(3, { returnState: true }), layers.dense(1)))).toContain(
      'x1, x1_1 = keras.layers.GRU(3, return_state=True)(x0)\n',
    );
  });

  it('freezes what is inside of frozen wrappers, however deep', () => {
    const deep = layers.timeDistributed(layers.timeDistributed(layers.dense(3)), { trainable: false });
    expect(codeFor(sequential([layers.input([5, 6, 4]), deep]).compile({ loss: 'mse' }))).toContain(
      'TimeDistributed(keras.layers.TimeDistributed(keras.layers.Dense(3, trainable=False), trainable=False), trainable=False),',
    );
    const both = layers.bidirectional(layers.lstm(3), { backwardLayer: layers.gru(3, { goBackwards: true }), trainable: false });
    expect(codeFor(steps(both))).toContain(
      'Bidirectional(keras.layers.LSTM(3, trainable=False), backward_layer=keras.layers.GRU(3, go_backwards=True, trainable=False), trainable=False),',
    );
  });

  it.each([
    [schedules.exponentialDecay({ initialLearningRate: 1, decaySteps: 9 }), 'ExponentialDecay(initial_learning_rate=1.0, decay_steps=9, '],
    [schedules.polynomialDecay({ endLearningRate: 0 }), 'end_learning_rate=0.0, '],
    [schedules.cosineDecay({ initialLearningRate: 0, warmupTarget: 1, warmupSteps: 5 }), 'warmup_target=1.0, warmup_steps=5)'],
    [schedules.piecewiseConstantDecay({ boundaries: [10], values: [1, 0.1] }), 'PiecewiseConstantDecay(boundaries=(10,), values=(1.0, 0.1))'],
    [schedules.oneCycle({ maxLearningRate: 25 }), 'SGD(learning_rate=1.0),'],
  ])('has rates with a point, without which Keras counts in whole numbers: %#', (learningRate, text) => {
    expect(codeFor(row(layers.dense(1)).compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate }) }))).toContain(text);
  });

  it('counts the steps of schedules in minibatches, several of which may make an update', () => {
    const optimizerLine = (options: Parameters<typeof optimizers.sgd>[0], dense: Parameters<typeof layers.dense>[1] = {}): string =>
      /^ {4}optimizer=.*$/m.exec(codeFor(row(layers.dense(1, dense)).compile({ loss: 'mse', optimizer: optimizers.sgd(options) })))?.[0] ?? '';
    const every = { gradientAccumulationSteps: 4 };
    const rates = schedules.piecewiseConstantDecay({ boundaries: [2, 5], values: [1, 0.5, 0.1] });
    // Updates 0 to 2 are made with minibatches up to 11, those up to 5 with minibatches up to 23, counted from 0.
    expect(optimizerLine({ ...every, learningRate: rates })).toContain('PiecewiseConstantDecay(boundaries=(11, 23), values=(1.0, 0.5, 0.1))');
    expect(optimizerLine({ ...every, learningRate: rates })).not.toContain('run ahead');
    const warm = schedules.cosineDecay({ warmupTarget: 1, warmupSteps: 5 });
    expect(optimizerLine({ ...every, learningRate: warm })).toMatch(
      /decay_steps=4000, .*warmup_steps=20\), .*# .*count minibatches, 4 of which make an update: rates run ahead/,
    );
    expect(optimizerLine({ ...every, learningRate: schedules.cosineDecayRestarts({ firstDecaySteps: 10 }) })).toContain('first_decay_steps=40, ');
    expect(optimizerLine({ learningRate: rates })).toMatch(/boundaries=\(2, 5\), [^#]*$/);
    expect(optimizerLine({ ...every, learningRate: 0.1 })).not.toContain('#');
    const averaged = { useEma: true };
    expect(optimizerLine({ ...every, ...averaged })).toContain('# Keras averages weights after every minibatch, not after every update of 4');
    expect(optimizerLine(averaged, { kernelConstraint: 'nonNeg' })).toContain('# Keras averages weights before their constraints, not behind');
    expect(optimizerLine(averaged)).not.toContain('#');
  });

  it('says at the end of a line what Keras has not, folded or not', () => {
    const oneCycle = schedules.oneCycle({ maxLearningRate: 0.1, divFactor: 25 });
    const many = Array.from({ length: 3 }, () => layers.dense(4, { activation: 'rrelu', kernelInitializer: 'sparse' }));
    const code = codeFor(row(...many, layers.rrelu()).compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: oneCycle }) }));
    const said = "# Keras has no activation 'rrelu'; Keras has no initializer 'sparse'";
    expect(code).toContain(`    *[keras.layers.Dense(4) for _ in range(3)],  ${said}\n`);
    expect(code).toContain("    keras.layers.Identity(),  # Keras has no layer 'rrelu'\n");
    expect(code).toContain("optimizer=keras.optimizers.SGD(learning_rate=0.004),  # Keras has no schedule 'oneCycle' (maxLearningRate: 0.1,");
    expect(codeFor(steps(layers.gru(3, { truncate: 2 })))).toContain('keras.layers.GRU(3),  # truncate=2: Keras does not truncate');
    const own = row(layers.dense(1)).compile({ loss: 'mse', metrics: [function gap() {}] as never });
    expect(codeFor(own)).toContain('metrics=[gap],  # gap is a custom function: write it for Keras');
  });

  it('says that Keras builds nothing behind what halves features', () => {
    const said =
      "# Keras assumes that 'glu' keeps the number of features, so it cannot build the layer after it: remove it, and add keras.layers.Lambda(";
    expect(codeFor(row(layers.dense(8, { activation: 'glu' }), layers.dense(1)))).toContain(`    keras.layers.Dense(8, activation="glu"),  ${said}`);
    expect(codeFor(steps(layers.timeDistributed(layers.dense(8, { activation: 'glu' }))))).toContain(said);
    expect(codeFor(row(layers.activation('glu'), layers.dense(1)))).toContain(said);
    expect(codeFor(row(layers.dense(8, { activation: 'gelu' }), layers.dense(1)))).not.toContain('#');
  });

  it('writes what Keras sets or names otherwise', () => {
    const threshold = activations.threshold({ threshold: 1, value: 2 });
    const code = codeFor(
      row(layers.leakyRelu(), layers.prelu({ initial: 0.1 }), layers.thresholdedRelu(), layers.dense(2, { activation: threshold })).compile({
        loss: 'mse',
        optimizer: 'lamb',
        metrics: [metrics.huber({ delta: 2 }), 'auc', 'fBetaScore', 'topKCategoricalAccuracy', 'recallAtPrecision'],
      }),
    );
    expect(code).toContain('keras.layers.LeakyReLU(negative_slope=0.01)');
    expect(code).toContain('keras.layers.PReLU(alpha_initializer=keras.initializers.Constant(0.1))');
    expect(code).toContain('keras.layers.Activation(lambda x: keras.activations.threshold(x, threshold=1, default_value=0))');
    expect(code).toContain('activation=lambda x: keras.activations.threshold(x, threshold=1, default_value=2)');
    expect(code).toContain('optimizer=keras.optimizers.Lamb(),');
    expect(code).toContain(
      'metrics=[keras.metrics.MeanMetricWrapper(keras.losses.huber, name="huber", delta=2), "auc", keras.metrics.FBetaScore(), ' +
        '"top_k_categorical_accuracy", keras.metrics.RecallAtPrecision(precision=0.5)],',
    );
    const normalized = layers.normalization({ axis: null, mean: 1, variance: 2 });
    expect(codeFor(row(normalized, layers.dense(1)))).toContain('keras.layers.Normalization(axis=None, mean=1, variance=2)');
  });

  it.each([
    [metrics.precision({ thresholds: [0.2, 0.6] }), 'Precision(thresholds=[0.2, 0.6])'],
    [metrics.truePositives({ thresholds: [0.5] }), 'TruePositives(thresholds=[0.5])'],
    [metrics.auc({ thresholds: [0.5] }), 'AUC(thresholds=[0.5])'],
    [metrics.fBetaScore({ beta: 2, threshold: 1 }), 'FBetaScore(beta=2.0, threshold=1.0)'],
    [metrics.f1Score({ threshold: 1 }), 'F1Score(threshold=1.0)'],
    [metrics.r2Score({ classAggregation: 'none' }), 'R2Score(class_aggregation=None)'],
  ])('gives metrics what they take: lists, numbers with a point, nothing: %#', (metric, text) => {
    expect(codeFor(row(layers.dense(3)).compile({ loss: 'mse', metrics: [metric] }))).toContain(`metrics=[keras.metrics.${text}],`);
  });

  it('divides features that do not vary by 1', () => {
    const varying = (options: Parameters<typeof layers.normalization>[0]) => codeFor(row(layers.normalization(options), layers.dense(1)));
    expect(varying({ mean: [1, 0.3, 0, 2], variance: [4, 0, 1, 0] })).toContain('variance=(4, 1, 1, 1))');
    expect(varying({ axis: null, mean: 1, variance: 0 })).toContain('Normalization(axis=None, mean=1, variance=1)');
  });

  it('says that Keras asks nothing of activities inside of TimeDistributed', () => {
    const said = '# Keras adds nothing to the loss for activities inside of TimeDistributed: put keras.layers.ActivityRegularization behind it';
    expect(codeFor(steps(layers.timeDistributed(layers.dense(3, { activityRegularizer: 'l2' }))))).toContain(said);
    expect(codeFor(steps(layers.timeDistributed(layers.activityRegularization({ l2: 1 }))))).toContain(said);
    expect(codeFor(steps(layers.dense(3, { activityRegularizer: 'l2' }), layers.timeDistributed(layers.dense(3))))).not.toContain('#');
  });

  it('says where Keras errs in an activation', () => {
    const said = '# Keras 3.15 computes sparsemax wrongly (its shares do not add up to 1';
    expect(codeFor(row(layers.dense(3, { activation: 'sparsemax' })))).toContain(said);
    expect(codeFor(row(layers.activation('sparsemax')))).toContain(said);
    expect(codeFor(row(layers.dense(3, { activation: 'softmax' })))).not.toContain('#');
  });

  it('says where Keras drops a mask that is kept here', () => {
    const said = 'keras.layers.RMSNormalization(),  # Keras drops the mask here: layers behind take padding for steps';
    expect(codeFor(steps(layers.masking(), layers.rmsNormalization(), layers.globalAveragePooling1d()))).toContain(said);
    expect(codeFor(steps(layers.rmsNormalization(), layers.globalAveragePooling1d()))).not.toContain('#');
    expect(codeFor(steps(layers.masking(), layers.layerNormalization(), layers.globalAveragePooling1d()))).not.toContain('#');
  });

  it('strides as pooling layers do, which Keras has go by whole windows unless it is told', () => {
    const picture = (options: Parameters<typeof layers.maxPooling2d>[0]) =>
      codeFor(sequential([layers.input([9, 9, 2]), layers.maxPooling2d(options)]).compile({ loss: 'mse' }));
    expect(picture({ poolSize: 3, strides: 2 })).toContain('MaxPooling2D(pool_size=(3, 3), strides=(2, 2))');
    expect(picture({ poolSize: 3 })).toContain('MaxPooling2D(pool_size=(3, 3))');
    expect(codeFor(steps(layers.averagePooling1d({ poolSize: 3, strides: 2 })))).toContain('AveragePooling1D(pool_size=(3,), strides=(2,))');
  });

  it('counts decisions one by one, where by accuracy Keras means the highest of several scores', () => {
    const judged = (units: number, loss: Parameters<Model['compile']>[0]['loss'], metrics = ['accuracy']) =>
      codeFor(row(layers.dense(units)).compile({ loss, metrics }));
    expect(judged(5, 'binaryCrossentropy')).toContain('metrics=["binary_accuracy"],');
    expect(judged(5, 'binaryFocalCrossentropy', ['auc', 'accuracy'])).toContain('metrics=["auc", "binary_accuracy"],');
    expect(judged(1, 'binaryCrossentropy')).toContain('metrics=["accuracy"],');
    expect(judged(5, 'categoricalCrossentropy')).toContain('metrics=["accuracy"],');
    expect(judged(5, 'sparseCategoricalCrossentropy')).toContain('metrics=["accuracy"],');
    // Log-odds are above 0 where a probability is above a half.
    for (const units of [1, 5])
      expect(judged(units, losses.binaryCrossentropy({ fromLogits: true }))).toContain('metrics=[keras.metrics.BinaryAccuracy(threshold=0)],');
    const sides = (middle: number): string => `keras.ops.mean(keras.ops.cast((y > 0) == (x > ${middle}), "float32"), axis=-1), name="accuracy")],`;
    expect(judged(1, 'hinge')).toContain(`metrics=[keras.metrics.MeanMetricWrapper(lambda y, x: ${sides(0)}`);
    const bent = [layers.dense(1, { activation: 'sigmoid' }), layers.timeDistributed(layers.dense(1, { activation: 'sigmoid' }))] as const;
    const hinged = { loss: 'squaredHinge', metrics: ['accuracy'] } as const;
    expect(codeFor(row(bent[0], layers.reshape([1])).compile(hinged))).toContain(sides(0.5));
    expect(codeFor(steps(bent[1]).compile(hinged))).toContain(sides(0.5));
    expect(codeFor(row(layers.dense(1), layers.activation('sigmoid')).compile(hinged))).toContain(sides(0.5));
    expect(codeFor(row(layers.dense(1, { activation: 'tanh' })).compile(hinged))).toContain(sides(0));
    expect(codeFor(steps(layers.simpleRnn(1, { activation: 'sigmoid' })).compile(hinged))).toContain(sides(0));
    expect(judged(5, 'hinge')).toContain('metrics=["accuracy"],');
    const x = layers.input([4]);
    const heads = model({ inputs: x, outputs: [layers.dense(3).apply(x), layers.dense(3).apply(x)] });
    heads.compile({ loss: ['binaryCrossentropy', 'categoricalCrossentropy'], weightedMetrics: ['accuracy'] });
    expect(codeFor(heads)).toContain('weighted_metrics=[["binary_accuracy"], ["accuracy"]],');
  });

  it('says where Keras does not turn a mask with the steps that it belongs to', () => {
    const turned = (layer: Parameters<typeof sequential>[0][number], maskZero = true): boolean =>
      codeFor(sequential([layers.input([6]), layers.embedding(9, 4, { maskZero }), layer]).compile({ loss: 'mse' })).includes(
        'it reverses its steps, but Keras does not reverse its mask',
      );
    const back = { returnSequences: true, goBackwards: true };
    expect(turned(layers.gru(3, back))).toBe(true);
    expect(turned(layers.bidirectional(layers.lstm(3, back)))).toBe(true);
    // Without a mask, with one step alone, or forwards, there is nothing to say.
    expect(turned(layers.gru(3, back), false)).toBe(false);
    expect(turned(layers.gru(3, { goBackwards: true }))).toBe(false);
    expect(turned(layers.simpleRnn(3, { returnSequences: true }))).toBe(false);
    expect(turned(layers.bidirectional(layers.lstm(3, { returnSequences: true })))).toBe(false);
  });

  it('has attention called with query and value, a row too', () => {
    const code = codeFor(steps(layers.multiHeadAttention(2, 3, { causal: true }), layers.dense(1)));
    expect(code).toContain('x1 = keras.layers.MultiHeadAttention(2, 3)(x0, x0, use_causal_mask=True)\n');
    expect(codeFor(steps(layers.multiHeadAttention(2, 3, { outputDim: 5 })))).toContain('MultiHeadAttention(2, 3, output_shape=5)(x0, x0)\n');
  });
});
