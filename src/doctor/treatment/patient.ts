import { NdArray } from '../../core/ndarray.js';
import { sameShape } from '../../core/shape.js';
import type { Custom } from '../../layers/registry.js';
import { type ModelConfig, toConfig } from '../../model/config.js';
import type { Model } from '../../model/model.js';
import { fromConfig } from '../../model/persistence.js';
import type { EngineChoice } from '../../model/programs.js';
import { ordered, withName } from '../../model/rewire.js';
import { SINGLE } from '../../network/network.js';
import { ITERATIONS, stateEntries } from '../../training/step.js';

/** A model and its training as data: what remedies change. The model that was handed in stays as it is. */
export interface Patient {
  readonly config: ModelConfig;
  readonly batchSize: number;
  /** Arrays that it starts from; what is not here is drawn anew by its initializer. */
  readonly weights: ReadonlyMap<string, NdArray>;
  /** What its optimizer keeps of the steps before; what is not here, or belongs to another optimizer, begins anew. */
  readonly slots: ReadonlyMap<string, NdArray>;
  /** Epochs that it was trained for before, where a run goes on from its last healthy one. */
  readonly epochsDone: number;
  /** Steps that it was trained for before, which schedules go on from. */
  readonly stepsDone: number;
  /** Layers that have taken from data what they need. */
  readonly adapted: ReadonlySet<string>;
}

/** How patients become models. */
export interface Making extends EngineChoice {
  readonly custom?: Custom;
  readonly warn?: (message: string) => void;
}

/** A model as a patient, at the step that it is at. @throws ArgumentError before `compile`. */
export async function admit(model: Model, batchSize: number, config: ModelConfig = toConfig(model)): Promise<Patient> {
  void model.compiled;
  const start = { config, batchSize, epochsDone: 0, adapted: model.adapted };
  return { ...start, ...held(model, await model.getState()) };
}

/** What a state holds, apart. Before the first step an optimizer has kept nothing. */
function held({ variables }: Model, state: ReadonlyMap<string, NdArray>): Pick<Patient, 'weights' | 'slots' | 'stepsDone'> {
  const names = new Set(variables.map(({ name }) => name));
  const stepsDone = state.get(ITERATIONS)?.at(0) ?? 0;
  const others = [...state].filter(([name]) => !names.has(name) && name !== ITERATIONS);
  return { weights: new Map([...state].filter(([name]) => names.has(name))), slots: new Map(stepsDone > 0 ? others : []), stepsDone };
}

/** A patient's model as it was after some epochs of a run. */
export interface Healthy {
  readonly epochs: number;
  readonly model: Model;
  readonly state: ReadonlyMap<string, NdArray>;
}

/** The patient as a run left it after its last healthy epoch, which goes on from there. */
export function goneOn(patient: Patient, { epochs, model, state }: Healthy): Patient {
  return { ...patient, ...held(model, state), adapted: model.adapted, epochsDone: epochs };
}

/** The patient with a layer of another name. */
export function renamed(patient: Patient, from: string, to: string): Patient {
  const moved = (name: string): string => (name === from || name.startsWith(`${from}/`) ? `${to}${name.slice(from.length)}` : name);
  const arrays = (given: Patient['weights']): Patient['weights'] => new Map([...given].map(([name, array]) => [moved(name), array]));
  return {
    ...patient,
    config: withName(patient.config, from, to),
    weights: arrays(patient.weights),
    slots: arrays(patient.slots),
    adapted: new Set([...patient.adapted].map(moved)),
  };
}

/** A new model of a patient, at its start. */
export async function build({ config, weights, slots, adapted, stepsDone }: Patient, making: Making): Promise<Model> {
  const model = fromConfig(config, making);
  const entries = stepsDone > 0 ? stateEntries(model.network, model.compiled.optimizer, SINGLE) : model.variables;
  const kept = entries.flatMap(({ name, shape }): [string, NdArray][] => {
    const array = weights.get(name) ?? slots.get(name);
    return array && sameShape(array.shape, shape) ? [[name, array]] : [];
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

/** The patient with a changed description, in the order of its network's calls, whose places remedies take from the network's facts; arrays of the layers named are drawn anew. */
export function changed(patient: Patient, config: ModelConfig, redrawn: readonly string[] = []): Patient {
  const anew = new Set(redrawn);
  const layerOf = (array: string): string => array.slice(0, array.lastIndexOf('/'));
  // A network that begins anew does so at its first step; one that goes on keeps its schedule.
  const begins = redrawn.length > 0 && patient.epochsDone === 0;
  return {
    ...patient,
    config: ordered(config),
    weights: new Map([...patient.weights].filter(([name]) => !anew.has(layerOf(name)))),
    slots: new Map(begins ? [] : [...patient.slots].filter(([name]) => !anew.has(layerOf(layerOf(name))))),
    ...(begins ? { stepsDone: 0 } : {}),
    adapted: new Set([...patient.adapted].filter((name) => !anew.has(name))),
  };
}
