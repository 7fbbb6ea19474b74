import type { RemedyHint } from './finding.js';

const hint = (id: string, cost: RemedyHint['cost'], what: string): RemedyHint => ({ id, cost, what });

/** What may answer findings, by id. */
export const remedies = {
  standardizeInputs: hint('standardize-inputs', 'data', 'standardise the features: layers.normalization() behind the input'),
  scaleTargets: hint(
    'scale-targets',
    'data',
    'standardise the targets, or end in layers.rescaling(deviation, { offset: mean }) and weigh the loss by 1 / deviation²',
  ),
  dropConstantFeatures: hint('drop-constant-features', 'data', 'leave out features that never vary'),
  largerBatch: hint('larger-batch', 'training', 'take larger minibatches'),
  lowerLearningRate: hint('lower-learning-rate', 'training', 'lower the learning rate tenfold'),
  raiseLearningRate: hint('raise-learning-rate', 'training', 'raise the learning rate'),
  decayLearningRate: hint('decay-learning-rate', 'training', 'let the learning rate fall towards the end'),
  warmUp: hint('warm-up', 'training', 'begin with a tenth of the learning rate, and raise it over the first steps'),
  adaptiveOptimizer: hint('adaptive-optimizer', 'training', "use an optimizer that scales each weight's step, such as 'adam'"),
  clipGradients: hint('clip-gradients', 'training', 'clip gradients by their global norm'),
  raiseClip: hint('raise-clip', 'training', 'raise the bound of the clipping, or lower the learning rate and clip less'),
  mendLoss: hint('mend-loss', 'training', 'choose the loss and the last activation that belong together'),
  suitingInitializer: hint('suiting-initializer', 'weights', "draw the kernels by what suits their activation: kernelInitializer: 'auto'"),
  criticalInitializer: hint(
    'critical-initializer',
    'weights',
    "draw weights and biases at χ = 1, where their activation has such: kernelInitializer: 'critical'",
  ),
  lsuv: hint('lsuv', 'weights', "scale each layer on the data before training: kernelInitializer: 'lsuv'"),
  lecunNormal: hint('lecun-normal', 'weights', "draw the kernels by 'lecunNormal'"),
  smallerHead: hint('smaller-head', 'weights', 'draw the last kernel smaller, so that the first outputs are undecided'),
  reviveUnits: hint('revive-units', 'weights', 'draw the weights of dead units anew, with zero biases'),
  orthogonalRecurrence: hint(
    'orthogonal-recurrence',
    'weights',
    "draw the recurrent weights so that they neither stretch nor shrink a state: recurrentInitializer: 'orthogonal'",
  ),
  identityRecurrence: hint(
    'identity-recurrence',
    'weights',
    "begin with recurrent weights that keep a state as it is: recurrentInitializer: 'identity' with activation: 'relu', gradients clipped by norm",
  ),
  gatedRecurrence: hint('gated-recurrence', 'architecture', 'use layers.lstm or layers.gru, whose gates learn what to keep'),
  shorterSequences: hint('shorter-sequences', 'data', 'feed shorter sequences, where the far steps do not matter'),
  changeActivation: hint('change-activation', 'architecture', "use an activation that does not saturate or die: 'selu', 'elu', 'leakyRelu'"),
  stopEarly: hint(
    'stop-early',
    'training',
    'stop where the validation loss is least, and keep those weights: earlyStopping({ patience: 3, restoreBestWeights: true })',
  ),
  regularize: hint('regularize', 'training', "ask for less: more rows, weight decay (optimizer 'adamW'), dropout, fewer epochs"),
  weighClasses: hint('weigh-classes', 'data', 'weigh classes by one over their share: classWeight of fit'),
  weakenRegularizers: hint(
    'weaken-regularizers',
    'training',
    'weaken the regularizers: they should add about a tenth of what there is to learn, or less',
  ),
  bendLayers: hint('bend-layers', 'architecture', "bend what hidden layers give: activation: 'relu', or that of the other layers"),
  lowerDropout: hint('lower-dropout', 'training', 'drop a tenth of the units, or none'),
  alphaDropout: hint('alpha-dropout', 'architecture', 'use layers.alphaDropout instead of dropout'),
  normalize: hint('normalize', 'architecture', 'put layers.batchNormalization() or layerNormalization() between sums and activation'),
  residual: hint('residual', 'architecture', 'add skip connections'),
  widen: hint('widen', 'architecture', 'give the narrow layer more units, at least half as many as there are classes'),
  fewerLayers: hint('fewer-layers', 'architecture', 'use fewer layers'),
  moveNormalization: hint('move-normalization', 'architecture', 'put the normalization between a layer without bias and its activation'),
  batchFreeNormalization: hint('batch-free-normalization', 'architecture', 'use layers.layerNormalization(), which needs no batch'),
} as const satisfies Readonly<Record<string, RemedyHint>>;

const order = ['data', 'training', 'weights', 'architecture'];

/** Hints, cheapest first. */
export function cheapestFirst(hints: readonly RemedyHint[]): RemedyHint[] {
  return [...hints].sort((a, b) => order.indexOf(a.cost) - order.indexOf(b.cost));
}
