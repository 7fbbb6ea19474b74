import { NdArray } from '../../core/ndarray.js';
import type { Custom } from '../../layers/registry.js';
import { type ModelConfig, toConfig } from '../../model/config.js';
import type { Model } from '../../model/model.js';
import { fromConfig } from '../../model/persistence.js';
import type { EngineChoice } from '../../model/programs.js';
import { ITERATIONS } from '../../training/step.js';

/** A model and its training as data: what remedies change. The model that was handed in stays as it is. */
export interface Patient {
  readonly config: ModelConfig;
  readonly batchSize: number;
  /** Arrays that it starts from; what is not here is drawn anew by its initializer. */
  readonly weights: ReadonlyMap<string, NdArray>;
  /** Epochs that it was trained for before, where a run goes on from its last healthy one. */
  readonly epochsDone: number;
  /** The same in steps, which schedules go on from. */
  readonly stepsDone: number;
  /** Layers that have taken from data what they need. */
  readonly adapted: ReadonlySet<string>;
}

/** How patients become models. */
export interface Making extends EngineChoice {
  readonly custom?: Custom;
  readonly warn?: (message: string) => void;
}

/** A model as a patient, with the weights that it has now. @throws ArgumentError before `compile`. */
export async function admit(model: Model, batchSize: number): Promise<Patient> {
  void model.compiled;
  const arrays = await model.getWeights();
  return {
    config: toConfig(model),
    batchSize,
    epochsDone: 0,
    stepsDone: 0,
    weights: new Map(model.variables.map(({ name }, i) => [name, arrays[i] as NdArray])),
    adapted: model.adapted,
  };
}

/** The patient as a run left it, which goes on from there; what the optimizer kept of the steps that made it ill does not come with it. */
export async function goneOn(patient: Patient, model: Model, epochsDone: number, stepsDone: number): Promise<Patient> {
  const { weights, adapted } = await admit(model, patient.batchSize);
  return { ...patient, weights, adapted, epochsDone, stepsDone };
}

/** A new model of a patient, at its start. */
export async function build({ config, weights, adapted, stepsDone }: Patient, making: Making): Promise<Model> {
  const model = fromConfig(config, making);
  const kept = model.variables.flatMap(({ name }): [string, NdArray][] => {
    const array = weights.get(name);
    return array ? [[name, array]] : [];
  });
  const counted: [string, NdArray][] = stepsDone > 0 ? [[ITERATIONS, new NdArray(Int32Array.of(stepsDone), [])]] : [];
  if (kept.length + counted.length > 0) await model.setState(new Map([...kept, ...counted]), { adapted });
  return model;
}

/** By what the loss of each output is multiplied. */
export function lossWeightsOf({ config: { compile, outputs } }: Patient): number[] {
  const weights = compile?.lossWeights;
  return outputs.map((_, i) => (Array.isArray(weights) ? Number(weights[i] ?? 1) : 1));
}

/** The patient with a changed description; arrays of the layers named are drawn anew. */
export function changed(patient: Patient, config: ModelConfig, redrawn: readonly string[] = []): Patient {
  const anew = new Set(redrawn);
  const layerOf = (array: string): string => array.slice(0, array.lastIndexOf('/'));
  return {
    ...patient,
    config,
    weights: new Map([...patient.weights].filter(([name]) => !anew.has(layerOf(name)))),
    adapted: new Set([...patient.adapted].filter((name) => !anew.has(name))),
  };
}
