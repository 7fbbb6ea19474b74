import { countOf } from '../core/count.js';
import { Normalization } from '../layers/normalization.js';
import type { CompileOptions } from '../model/compiled.js';
import { Model, type ModelOptions } from '../model/model.js';
import { type Layer, LayerCall, type Signal } from '../network/layer.js';
import { Network } from '../network/network.js';
import { ITERATIONS } from '../training/step.js';
import { UsageError } from './print.js';

/** A compiled model's options again. */
export function compiledOptions({ compiled, outputs }: Model): CompileOptions {
  const listed = (wanted: boolean) =>
    Object.fromEntries(
      outputs.map(({ call }, i) => [
        call.layer.title,
        (compiled.metrics[i] ?? [])
          .filter(({ weighted = false }) => weighted === wanted)
          .map((metric) => (metric.name === 'accuracy' ? 'accuracy' : metric)),
      ]),
    );
  return {
    optimizer: compiled.optimizer,
    loss: compiled.losses,
    lossWeights: compiled.lossWeights,
    metrics: listed(false),
    weightedMetrics: listed(true),
  };
}

/** The model on another engine, with its state; or from another seed, with new weights. */
export async function rebuilt(model: Model, overrides: ModelOptions): Promise<Model> {
  const { seed = model.seed, backend = model.options.backend, threads = model.options.threads } = overrides;
  if (seed === model.seed && backend === model.options.backend && threads === model.options.threads) return model;
  const made = new Model(model.network, { ...model.options, ...overrides });
  if (model.isCompiled) made.compile(compiledOptions(model));
  return seed === model.seed ? withStateOf(made, model) : made;
}

/** A model with the arrays of another, whose layers it has. */
async function withStateOf(made: Model, model: Model): Promise<Model> {
  await made.setState(await model.getState(), { adapted: model.adapted });
  return made;
}

const standardizes = (layer: Layer): boolean => layer instanceof Normalization || layer.inside.some(standardizes);

/**
 * The model with a normalization layer behind its input: one mean and variance for each feature, or one for all pixels. Weights that were set stay.
 * @throws UsageError if the model has learned already, or standardizes by itself.
 */
export async function standardized(model: Model): Promise<Model> {
  const own = model.layers.find(standardizes);
  if (own) {
    const place = own instanceof Normalization ? '' : `, inside of '${own.title}'`;
    throw new UsageError(`--standardize: the model already has a normalization layer${place}; remove --standardize`);
  }
  const steps = (await model.getState()).get(ITERATIONS)?.at(0) ?? 0;
  if (steps > 0)
    throw new UsageError(
      `--standardize: the model was trained for ${countOf(steps, 'step')} on the features as they were; pass an untrained model, or remove --standardize`,
    );
  const signals = new Map<Signal, Signal>();
  for (const { layer, inputs, output, outputs } of model.network.calls) {
    if (inputs.length > 0) {
      const call = new LayerCall(
        layer,
        inputs.map((signal) => signals.get(signal) as Signal),
      );
      outputs.forEach((before, i) => {
        signals.set(before, call.outputs[i] as Signal);
      });
    } else signals.set(output, new Normalization({ axis: output.shape.length > 2 ? null : -1 }).apply(output));
  }
  const network = new Network(
    model.inputs,
    model.outputs.map((signal) => signals.get(signal) as Signal),
    model.network.dtype,
  );
  const made = new Model(network, model.options);
  if (model.isCompiled) made.compile(compiledOptions(model));
  return withStateOf(made, model);
}
