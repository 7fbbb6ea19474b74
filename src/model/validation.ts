import { ShapeError } from '../core/errors.js';
import { input } from '../graph/node.js';
import { evaluateOutputs, minibatchInputs, type StepSpec } from '../training/step.js';
import { typesOf } from './fit-data.js';
import type { Checked } from './weights.js';

/**
 * Writes losses and metrics of validation data once, where their targets are of another type than those of the training.
 * @throws ShapeError if they do not fit the network's outputs.
 */
export function checkValidation(spec: StepSpec, validation: Checked): void {
  const { network, targets } = spec;
  const given = typesOf(validation.targets);
  if (JSON.stringify(given) === JSON.stringify(targets)) return;
  const outputs = network.outputs.map(({ shape, dtype }, i) => input(`output_${i}`, shape, dtype === 'float32' ? network.dtype : dtype));
  const masks = network.outputs.map(({ masked, shape }, i) => (masked ? input(`mask_${i}`, shape.slice(0, 2), 'bool') : undefined));
  try {
    evaluateOutputs(spec, { outputs, masks }, minibatchInputs({ inputs: [], targets: given, weights: typesOf(validation.weights) }));
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new ShapeError(`validationData: ${error.message}`, { ...error.details, argument: 'validationData' }, { cause: error });
  }
}
