import type { Rule } from '../rule.js';
import { constantFeatures, rawFeatures } from './data.js';
import { overfitting, unevenClasses } from './generalization.js';
import { explodingGradient, saturation, vanishingGradient } from './gradients.js';
import { belowNeighbours, slowLearning } from './learning.js';
import { linearLayers } from './linear.js';
import { initialLoss, lossMismatch, lossOscillates, lossStalls, notFinite } from './loss.js';
import { clippingAlways, misplacedNormalization, smallBatchStatistics, strongDropout, strongPenalty } from './practice.js';
import { seluDropout, seluInitializer, seluInputs, seluLayers, seluWiring } from './selu.js';
import { signalDying, signalExploding } from './signals.js';
import { stepTooLarge, stepTooSmall, unevenSpeeds, unstableRate } from './speed.js';
import { rawTargets, unreachableTargets } from './targets.js';
import { explodingAlongTime, vanishingAlongTime } from './time.js';
import { bornDead, coma, diedInTraining } from './units.js';
import { constantWeights, initializerMismatch } from './weights.js';
import { narrowLayer } from './width.js';

/** All rules, in the order in which findings of one severity are told, and answered: what is wrong first, that it learned too little last. */
export const rules: readonly Rule[] = [
  notFinite,
  lossMismatch,
  unreachableTargets,
  rawTargets,
  linearLayers,
  narrowLayer,
  constantWeights,
  strongPenalty,
  vanishingGradient,
  explodingGradient,
  vanishingAlongTime,
  explodingAlongTime,
  signalDying,
  signalExploding,
  saturation,
  bornDead,
  diedInTraining,
  coma,
  stepTooLarge,
  unstableRate,
  stepTooSmall,
  lossOscillates,
  initialLoss,
  unevenSpeeds,
  rawFeatures,
  constantFeatures,
  unevenClasses,
  initializerMismatch,
  seluInputs,
  seluInitializer,
  seluDropout,
  seluWiring,
  seluLayers,
  clippingAlways,
  misplacedNormalization,
  smallBatchStatistics,
  strongDropout,
  lossStalls,
  slowLearning,
  belowNeighbours,
  overfitting,
];
