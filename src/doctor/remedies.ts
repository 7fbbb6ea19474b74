import type { RemedyHint } from './finding.js';

const hint = (id: string, cost: RemedyHint['cost'], what: string): RemedyHint => ({ id, cost, what });

/** What may answer findings, by id. */
export const remedies = {
  standardizeInputs: hint('standardize-inputs', 'data', 'standardize the features: layers.normalization() after the input'),
  scaleTargets: hint(
    'scale-targets',
    'data',
    'standardize the targets, or end with layers.rescaling(deviation, { offset: mean }) and weight the loss by 1 / deviation²',
  ),
  dropConstantFeatures: hint('drop-constant-features', 'data', 'remove features that never vary'),
  largerBatch: hint('larger-batch', 'training', 'use larger minibatches'),
  lowerLearningRate: hint('lower-learning-rate', 'training', 'lower the learning rate tenfold'),
  raiseLearningRate: hint('raise-learning-rate', 'training', 'raise the learning rate'),
  decayLearningRate: hint('decay-learning-rate', 'training', 'decay the learning rate towards the end'),
  warmUp: hint('warm-up', 'training', 'start with a tenth of the learning rate, and raise it over the first steps'),
  adaptiveOptimizer: hint('adaptive-optimizer', 'training', "use an optimizer that scales each weight's step, such as 'adam'"),
  clipGradients: hint('clip-gradients', 'training', 'clip gradients by global norm'),
  raiseClip: hint('raise-clip', 'training', 'raise the clipping threshold, or lower the learning rate and clip less'),
  mendLoss: hint('mend-loss', 'training', 'use a loss and a last activation that match'),
  suitingInitializer: hint('suiting-initializer', 'weights', "use the initializer that matches the activation: kernelInitializer: 'auto'"),
  criticalInitializer: hint(
    'critical-initializer',
    'weights',
    "initialize weights and biases at χ = 1, if the activation allows it: kernelInitializer: 'critical'",
  ),
  lsuv: hint('lsuv', 'weights', "scale each layer on the data before training: kernelInitializer: 'lsuv'"),
  lecunNormal: hint('lecun-normal', 'weights', "initialize the kernels with 'lecunNormal'"),
  smallerHead: hint('smaller-head', 'weights', 'initialize the last kernel with smaller values, so that the first outputs are undecided'),
  biasAtOdds: hint(
    'bias-at-odds',
    'weights',
    'start the last bias at the log odds of the classes: ln(p / (1 − p)) before a sigmoid, ln p of each class before a softmax',
  ),
  reviveUnits: hint('revive-units', 'weights', 'redraw the weights of dead units, with zero biases'),
  orthogonalRecurrence: hint(
    'orthogonal-recurrence',
    'weights',
    "initialize the recurrent weights so that they neither stretch nor shrink a state: recurrentInitializer: 'orthogonal'",
  ),
  identityRecurrence: hint(
    'identity-recurrence',
    'weights',
    "start with recurrent weights that preserve a state: recurrentInitializer: 'identity' with activation: 'relu', and clip gradients by norm",
  ),
  gatedRecurrence: hint('gated-recurrence', 'architecture', 'use layers.lstm or layers.gru, whose gates learn what to keep'),
  shorterSequences: hint('shorter-sequences', 'data', 'use shorter sequences, if the distant steps do not matter'),
  changeActivation: hint('change-activation', 'architecture', "use an activation that does not saturate or die: 'selu', 'elu', 'leakyRelu'"),
  stopEarly: hint(
    'stop-early',
    'training',
    'stop at the lowest validation loss, and keep those weights: earlyStopping({ patience: 3, restoreBestWeights: true })',
  ),
  regularize: hint('regularize', 'training', "regularize: more rows, weight decay (optimizer 'adamW'), dropout, or fewer epochs"),
  weighClasses: hint('weigh-classes', 'data', 'weight classes inversely to their frequency: option classWeight of fit'),
  weakenRegularizers: hint(
    'weaken-regularizers',
    'training',
    'weaken the regularizers: the penalty should be at most about a tenth of the loss that can be learned away',
  ),
  bendLayers: hint('bend-layers', 'architecture', "add a nonlinearity to the hidden layers: activation: 'relu', or that of the other layers"),
  lowerDropout: hint('lower-dropout', 'training', 'drop a tenth of the units, or none at all'),
  alphaDropout: hint('alpha-dropout', 'architecture', 'use layers.alphaDropout instead of dropout'),
  normalize: hint(
    'normalize',
    'architecture',
    'put layers.batchNormalization() or layers.layerNormalization() between pre-activation and activation',
  ),
  residual: hint('residual', 'architecture', 'add skip connections'),
  widen: hint('widen', 'architecture', 'give the narrow layer more units, at least half as many as there are classes'),
  fewerLayers: hint('fewer-layers', 'architecture', 'use fewer layers'),
  moveNormalization: hint('move-normalization', 'architecture', 'put the normalization between a layer without bias and its activation'),
  batchFreeNormalization: hint('batch-free-normalization', 'architecture', 'use layers.layerNormalization(), which does not depend on the batch'),
} as const satisfies Readonly<Record<string, RemedyHint>>;

const order = ['data', 'training', 'weights', 'architecture'];

/** Hints, cheapest first. */
export function cheapestFirst(hints: readonly RemedyHint[]): RemedyHint[] {
  return [...hints].sort((a, b) => order.indexOf(a.cost) - order.indexOf(b.cost));
}
