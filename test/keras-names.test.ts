import { activations, callbacks, constraints, initializers, layers, losses, metrics, optimizers, regularizers, schedules } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { resolveActivation } from '#src/activations.js';
import { resolveConstraint } from '#src/constraints.js';
import { findName } from '#src/core/names.js';
import { resolveInitializer } from '#src/initializers.js';
import { resolveLoss } from '#src/losses.js';
import { resolveMetric } from '#src/metrics.js';
import { resolveOptimizer } from '#src/optimizers.js';
import { resolveRegularizer } from '#src/regularizers.js';

/** The public names of Keras 3.12 by module, as its API pages list them; what is not here says why. */
const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

interface Names {
  readonly table: object;
  readonly known: readonly string[];
  readonly absent?: Readonly<Record<string, string>>;
  /** How names are resolved where aliases count too. */
  readonly resolve?: (name: string) => unknown;
}

const modules: Readonly<Record<string, Names>> = {
  activations: {
    table: activations,
    resolve: resolveActivation,
    known: words(`celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear log_sigmoid log_softmax mish
      relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold`),
  },
  initializers: {
    table: initializers,
    resolve: resolveInitializer,
    known: words(`Constant constant GlorotNormal glorot_normal GlorotUniform glorot_uniform HeNormal he_normal HeUniform he_uniform Identity identity
      LecunNormal lecun_normal LecunUniform lecun_uniform Ones ones Orthogonal orthogonal RandomNormal random_normal RandomUniform random_uniform
      TruncatedNormal truncated_normal VarianceScaling variance_scaling Zeros zeros`),
    absent: { STFTInitializer: 'belongs to audio layers' },
  },
  losses: {
    table: losses,
    resolve: resolveLoss,
    known: words(`BinaryCrossentropy binary_crossentropy BinaryFocalCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalHinge
      CategoricalGeneralizedCrossEntropy Circle CosineSimilarity Dice Hinge Huber KLDivergence LogCosh MeanAbsoluteError mae MeanAbsolutePercentageError
      mape MeanSquaredError mse MeanSquaredLogarithmicError msle Poisson SparseCategoricalCrossentropy SquaredHinge Tversky`),
    absent: { CTC: 'aligns sequences' },
  },
  metrics: {
    table: metrics,
    resolve: (name) => resolveMetric(name, losses.meanSquaredError(), ['N', 3]),
    known: words(`AUC Accuracy BinaryAccuracy BinaryCrossentropy CategoricalAccuracy CategoricalCrossentropy CategoricalHinge CosineSimilarity F1Score
      FBetaScore FalseNegatives FalsePositives Hinge KLDivergence LogCoshError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError
      MeanSquaredLogarithmicError Poisson Precision PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError
      SensitivityAtSpecificity SparseCategoricalAccuracy SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy SpecificityAtSensitivity
      SquaredHinge TopKCategoricalAccuracy TrueNegatives TruePositives`),
    absent: {
      'BinaryIoU IoU MeanIoU OneHotIoU OneHotMeanIoU': 'judge the segmentation of pictures',
      'ConcordanceCorrelation PearsonCorrelation': 'need sums over two passes; R2Score says how much of the variance is explained',
      'Mean MeanMetricWrapper MeanTensor Sum': 'a function of the user’s own is a metric',
    },
  },
  optimizers: {
    table: optimizers,
    resolve: resolveOptimizer,
    known: words('Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion Nadam RMSprop SGD'),
    absent: { Muon: 'orthogonalises each kernel’s momentum by products of whole matrices', LossScaleOptimizer: 'serves float16' },
  },
  schedules: {
    table: schedules,
    known: words('CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay PolynomialDecay'),
  },
  regularizers: {
    table: regularizers,
    resolve: resolveRegularizer,
    known: words('L1 L1L2 L2 OrthogonalRegularizer l1 l1_l2 l2 orthogonal_regularizer'),
  },
  constraints: {
    table: constraints,
    resolve: resolveConstraint,
    known: words('MaxNorm MinMaxNorm NonNeg UnitNorm max_norm min_max_norm non_neg unit_norm'),
  },
  callbacks: {
    table: callbacks,
    known: words('CSVLogger EarlyStopping LambdaCallback LearningRateScheduler ReduceLROnPlateau TensorBoard TerminateOnNaN'),
    absent: {
      'BackupAndRestore ModelCheckpoint': 'checkpoint, which holds the whole state',
      'ProgbarLogger History': 'what fit does by itself',
      'RemoteMonitor SwapEMAWeights OrbaxCheckpoint': 'not here',
    },
  },
  layers: {
    table: layers,
    known:
      words(`Activation ActivityRegularization Add AlphaDropout Average BatchNormalization Bidirectional CategoryEncoding Concatenate Dense Discretization
      Dot Dropout ELU Embedding Flatten GRU GaussianDropout GaussianNoise GroupNormalization Identity LSTM Lambda LayerNormalization LeakyReLU Masking
      Maximum Minimum MultiHeadAttention Multiply Normalization PReLU Permute RMSNormalization ReLU RepeatVector Rescaling Reshape SimpleRNN Softmax
      Subtract TimeDistributed UnitNormalization Input
      Conv1D Conv1DTranspose Conv2D Conv2DTranspose DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D AveragePooling1D AveragePooling2D
      MaxPooling1D MaxPooling2D GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D Cropping1D Cropping2D
      UpSampling1D UpSampling2D ZeroPadding1D ZeroPadding2D SpatialDropout1D SpatialDropout2D`),
    absent: {
      'Conv3D Conv3DTranspose AveragePooling3D MaxPooling3D GlobalAveragePooling3D GlobalMaxPooling3D Cropping3D UpSampling3D ZeroPadding3D SpatialDropout3D':
        'volumes; signals along one axis and images along two are here',
      'AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveMaxPooling1D AdaptiveMaxPooling2D':
        'windows of several sizes in one layer; shapes are known, so that poolSize can be',
      'RNN SimpleRNNCell LSTMCell GRUCell StackedRNNCells': 'cells come with their loops; layers stack',
      'ConvLSTM1D ConvLSTM2D ConvLSTM3D': 'convolve in every step',
      'Attention AdditiveAttention GroupedQueryAttention': 'forms of attention that multiHeadAttention has taken the place of',
      'StringLookup IntegerLookup Hashing TextVectorization': 'TableReader turns texts into features, and remembers them with the model',
      'RandomFlip CenterCrop MelSpectrogram': 'pictures and sound',
      'EinsumDense SpectralNormalization': 'not here; a layer of one’s own can',
    },
  },
};

describe.each(Object.entries(modules))('%s', (_, { table, known, absent = {}, resolve }) => {
  it.each(known)('%s', (name) => {
    if (resolve) expect(() => resolve(name)).not.toThrow();
    else expect(findName(name, table)).toBeDefined();
  });

  it('what is said to be absent is', () => {
    for (const name of Object.keys(absent).flatMap(words)) expect([name, findName(name, table)]).toEqual([name, undefined]);
  });
});
