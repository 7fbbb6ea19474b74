import { pascal, snake } from './python.js';

/** Classes whose names do not follow from ours; those of one table alone under `table/name`. */
const classes: Readonly<Record<string, string>> = {
  relu: 'ReLU',
  leakyRelu: 'LeakyReLU',
  prelu: 'PReLU',
  elu: 'ELU',
  rmsNormalization: 'RMSNormalization',
  simpleRnn: 'SimpleRNN',
  lstm: 'LSTM',
  gru: 'GRU',
  sgd: 'SGD',
  rmsprop: 'RMSprop',
  adamW: 'AdamW',
  normal: 'RandomNormal',
  uniform: 'RandomUniform',
  l1l2: 'L1L2',
  checkpoint: 'ModelCheckpoint',
  csvLogger: 'CSVLogger',
  klDivergence: 'KLDivergence',
  auc: 'AUC',
  'metrics/fBetaScore': 'FBetaScore',
  'metrics/logCosh': 'LogCoshError',
  'regularizers/orthogonal': 'OrthogonalRegularizer',
};

/** Keras's class of a name: `conv2dTranspose` is `Conv2DTranspose`. */
export const kerasClass = (name: string, table = ''): string => classes[`${table}/${name}`] ?? classes[name] ?? pascal(name).replace(/(\d)d/, '$1D');

/** Names as strings, where Keras writes them otherwise. */
const words: Readonly<Record<string, string>> = {
  adamW: 'adamw',
  'regularizers/orthogonal': 'orthogonal_regularizer',
};

export const kerasWord = (name: string, table = ''): string => words[`${table}/${name}`] ?? words[name] ?? snake(name);

/** Keras takes clipping's options in one word. */
const options: Readonly<Record<string, string>> = {
  clipNorm: 'clipnorm',
  clipValue: 'clipvalue',
  globalClipNorm: 'global_clipnorm',
  slope: 'negative_slope',
  beta1: 'beta_1',
  beta2: 'beta_2',
  beta2Decay: 'beta_2_decay',
  outputDim: 'output_shape',
  epsilon1: 'epsilon_1',
  epsilon2: 'epsilon_2',
};

export const kerasOption = (name: string): string => options[name] ?? snake(name);

/** Modules whose names do not follow from our tables'. */
const modules: Readonly<Record<string, string>> = { schedules: 'optimizers.schedules' };

export const kerasModule = (table: string): string => modules[table] ?? table;

/** What Keras has not, by `table/name`; initializers of ours that say more of themselves stand in `OWN_INITIALIZERS`. */
export const absent: ReadonlySet<string> = new Set([
  'layers/rrelu',
  'activations/rrelu',
  'initializers/auto',
  'initializers/critical',
  'initializers/lsuv',
  'initializers/sparse',
  'initializers/deltaOrthogonal',
  'schedules/oneCycle',
]);

/** What Keras has and takes for something else, by `table/name`; with what to do. */
export const misread: Readonly<Record<string, string>> = {
  'activations/glu':
    "Keras assumes that 'glu' keeps the number of features, so it cannot build the layer after it: remove it, and add keras.layers.Lambda(keras.activations.glu) after this layer",
  'activations/sparsemax':
    'Keras 3.15 computes sparsemax wrongly (its shares do not add up to 1 if more than one is above 0): write it with keras.ops',
};

/** Options that Keras has not, by `table/name/option`, or by the option alone; with what to do in their place. */
export const absentOptions: Readonly<Record<string, string>> = {
  truncate: 'Keras does not truncate gradients along time',
  batchSize: 'pass batch_size to keras.Input',
  'layers/prelu/shared': 'one slope for all: pass shared_axes',
  'activations/prelu/shared': 'one slope for all: pass shared_axes',
  'metrics/binaryAccuracy/fromLogits': 'for logits: pass threshold=0',
};

/** Options whose defaults are others in Keras than here, or none. What stands here is called, not named by a string, which Keras may not know. */
export const defaults: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  'layers/averagePooling1d': [['pool_size', '2']],
  'layers/averagePooling2d': [['pool_size', '(2, 2)']],
  'layers/leakyRelu': [['negative_slope', '0.01']],
  'activations/leakyRelu': [['negative_slope', '0.01']],
  'initializers/constant': [['value', '0']],
  'optimizers/lamb': [],
  'losses/categoricalGeneralizedCrossEntropy': [],
  'metrics/fBetaScore': [],
  'metrics/logCosh': [],
  'metrics/sensitivityAtSpecificity': [['specificity', '0.5']],
  'metrics/specificityAtSensitivity': [['sensitivity', '0.5']],
  'metrics/precisionAtRecall': [['recall', '0.5']],
  'metrics/recallAtPrecision': [['precision', '0.5']],
};
