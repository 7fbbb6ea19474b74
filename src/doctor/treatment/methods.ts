import type { RemedyHint } from '../finding.js';
import { remedies } from '../remedies.js';
import type { Method, Proposal } from './method.js';
import {
  alphaDropout,
  batchFreeNormalization,
  bendLayers,
  changeActivation,
  lowerDropout,
  moveNormalization,
  normalize,
  residual,
} from './methods/architecture.js';
import { scaleTargets, standardizeInputs } from './methods/data.js';
import { mendLoss } from './methods/loss.js';
import { gatedRecurrence, identityRecurrence, orthogonalRecurrence } from './methods/recurrence.js';
import { weakenRegularizers } from './methods/regularization.js';
import {
  adaptiveOptimizer,
  clipGradients,
  decayLearningRate,
  largerBatch,
  lowerLearningRate,
  raiseClip,
  raiseLearningRate,
  warmUp,
} from './methods/training.js';
import { criticalInitializer, lecunNormal, lsuv, reviveUnits, smallerHead, suitingInitializer } from './methods/weights.js';

/** How each remedy is applied, or why it is left to people. */
const methods: { readonly [K in keyof typeof remedies]: Method | Proposal } = {
  standardizeInputs,
  scaleTargets,
  dropConstantFeatures: { proposal: 'only you can say which features the data need' },
  largerBatch,
  lowerLearningRate,
  raiseLearningRate,
  decayLearningRate,
  warmUp,
  adaptiveOptimizer,
  clipGradients,
  raiseClip,
  mendLoss,
  suitingInitializer,
  criticalInitializer,
  lsuv,
  lecunNormal,
  smallerHead,
  reviveUnits,
  orthogonalRecurrence,
  identityRecurrence,
  gatedRecurrence,
  shorterSequences: { proposal: 'only you can say how far back the input matters' },
  changeActivation,
  bendLayers,
  stopEarly: { proposal: 'how long to train is part of the budget' },
  regularize: { proposal: 'only other rows can show what generalizes better' },
  biasAtOdds: { proposal: 'a bias learns the shares in its first steps: this only saves those' },
  weighClasses: { proposal: 'only you can say how much rare classes matter' },
  weakenRegularizers,
  lowerDropout,
  alphaDropout,
  normalize,
  residual,
  widen: { proposal: 'a network of a different size is a different network' },
  fewerLayers: { proposal: 'a network of a different size is a different network' },
  moveNormalization,
  batchFreeNormalization,
};

/** A remedy that can be applied. */
export interface Applicable {
  readonly hint: RemedyHint;
  readonly method: Method;
}

/** Remedies that can be applied, in the order of their table. */
export const applicable: readonly Applicable[] = Object.entries(methods).flatMap(([key, method]) =>
  'apply' in method ? [{ hint: remedies[key as keyof typeof remedies], method }] : [],
);

/** What answers a finding's remedy; undefined where it is only proposed. */
export function methodOf(id: string): Applicable | undefined {
  return applicable.find(({ hint }) => hint.id === id);
}
