import { emitModel } from '../graph/emit.js';
import { gradients } from '../graph/gradients.js';
import { input, scalar, type Tensor } from '../graph/node.js';
import { encodeOnnx } from '../graph/onnx/encode.js';
import { add, concat, dimOf, gather, loop, reshape, sub } from '../graph/ops/index.js';
import type { UniformSource } from '../network/loops.js';
import { type Layout, type Network, withPieces } from '../network/network.js';
import { finiteMark } from './finite.js';
import { FIRED, firedNext, type Observation, observeStep, type VitalsLayout } from './observe.js';
import {
  evaluateOutputs,
  feedNetwork,
  ITERATIONS,
  minibatchInputs,
  penaltyOf,
  type StateEntry,
  type StepSpec,
  stackScalars,
  stateEntries,
  tensorsOf,
  uniformSource,
  writeStep,
} from './step.js';

/** A compiled graph and the names it is fed by. */
export interface Program {
  readonly model: Uint8Array;
  /** State entries it reads, by name. */
  readonly reads: readonly string[];
  /** State entries it writes: output `${name}:next`. */
  readonly writes: readonly string[];
  /** What it measures: outputs `vitals` [observed, size], `units` [observed, 2 · units] and `vitals/fired:next` [units]. */
  readonly vitals?: VitalsLayout;
}

export function nextName(name: string): string {
  return `${name}:next`;
}

/** Name of the input that says how many of a chunk's steps, its last ones, are observed; there where some are and some are not. */
export const OBSERVED = 'observed';

/**
 * The training program: a `Loop` over the minibatches of a chunk. Inputs `x_i`, `y_i` and weights `w_i` [K, N, …], `learning_rate` [K] and the state;
 * outputs `logs` [K, values], `finite` (0 while every float of the state is finite, else NaN) and the new state. With vital signs also inputs
 * `vitals/fired` and `initial:NAME`, and the outputs of `Program.vitals`; where not every step is observed, the chunk's last `observed` steps have a loop
 * of their own, so that the others run as if nobody watched.
 */
export function trainingProgram(spec: StepSpec): Program {
  const entries = stateEntries(spec.network, spec.optimizer, spec.layout);
  const states = entries.map((entry) => input(entry.name, entry.shape, entry.dtype));
  const chunk = minibatchInputs(spec, ['K']);
  const learningRate = input('learning_rate', ['K'], spec.network.dtype);
  const carried = carriedEntries(spec, entries);
  const before = states[entries.findIndex(({ name }) => name === ITERATIONS)] as Tensor;
  const count = reshape(dimOf(learningRate, 0), []);
  const observedCount = spec.vitals && spec.vitals.every > 1 ? input(OBSERVED, [], 'int64') : undefined;
  let observation: Observation | undefined;

  const steps = (from: Tensor | undefined, number: Tensor, state: readonly Tensor[], axis: string, figures: boolean) =>
    loop({
      count: number,
      state,
      axis,
      step: (iteration, inner) => {
        const k = from ? add(iteration, from) : iteration;
        const values = new Map(entries.map((entry, i) => [entry.name, states[i] as Tensor]));
        [...carried].forEach((name, i) => {
          values.set(name, inner[i] as Tensor);
        });
        const at = (tensors: readonly Tensor[]): Tensor[] => tensors.map((tensor) => gather(tensor, k));
        const batch = { inputs: at(chunk.inputs), targets: at(chunk.targets), weights: at(chunk.weights) };
        const step = writeStep(spec, batch, gather(learningRate, k), values);
        const seen = spec.vitals && observeStep(spec, step, figures);
        if (figures) observation = seen;
        return {
          state: [...carried].map((name) => step.next.get(name) as Tensor),
          outputs: [step.logs, seen?.reach, seen?.figures, seen?.units, seen?.comaReach].filter((tensor) => tensor !== undefined),
        };
      },
    });

  const start = states.filter((_, i) => carried.has((entries[i] as StateEntry).name));
  const unobserved = observedCount && sub(count, observedCount);
  const first = unobserved && steps(undefined, unobserved, start, 'unobserved', false);
  const result = steps(unobserved, observedCount ?? count, first?.state ?? start, first ? OBSERVED : 'K', true);
  const [logs, ...rest] = result.outputs as [Tensor, ...Tensor[]];
  const taken = (tensor: Tensor | undefined): Tensor | undefined => (tensor ? rest.shift() : undefined);
  const [reached, figures, perUnit, comaReached] = [
    taken(observation?.reach),
    taken(observation?.figures),
    taken(observation?.units),
    taken(observation?.comaReach),
  ];
  const whole = (last: Tensor, i: number): Tensor => (first ? concat([first.outputs[i] as Tensor, last], 0) : last);

  const writes = [...carried];
  const outputs: Record<string, Tensor> = { logs: whole(logs, 0), finite: finiteMark(result.state) };
  writes.forEach((name, i) => {
    outputs[nextName(name)] = result.state[i] as Tensor;
  });
  const inputs = [...tensorsOf(chunk), learningRate, ...states, ...(observedCount ? [observedCount] : []), ...(observation?.inputs ?? [])];
  if (figures) outputs.vitals = figures;
  if (perUnit) outputs.units = perUnit;
  if (observation && observation.layout.unitCount > 0) {
    const fired = input(FIRED, [observation.layout.unitCount], 'int32');
    inputs.push(fired);
    const number = add(before, scalar(1, 'int64'));
    outputs[nextName(FIRED)] = firedNext(observation.layout, fired, [
      { reached: reached && whole(reached, 1), first: number },
      { reached: comaReached, first: unobserved ? add(number, unobserved) : number },
    ]);
  }
  return {
    model: encodeOnnx(emitModel(inputs, outputs, { name: 'training' })),
    reads: entries.map(({ name }) => name),
    writes,
    ...(observation ? { vitals: observation.layout } : {}),
  };
}

/** Entries that a step changes, in the order of the state; the others enter the loop as constants. */
function carriedEntries({ network, layout, inputs, targets }: StepSpec, entries: readonly StateEntry[]): Set<string> {
  const { values } = variableInputs(network, layout);
  const batch = minibatchInputs({ inputs, targets });
  const { updates } = network.forward(feedNetwork(network, batch.inputs), { training: true, values, uniform: untrained });
  const still = new Set(
    network
      .storage(layout)
      .filter(({ name, trainable }) => !trainable && !updates.has(name))
      .map(({ name }) => name),
  );
  return new Set(entries.map(({ name }) => name).filter((name) => !still.has(name)));
}

/**
 * Evaluation of one batch: inputs `x_i`, `y_i`, `w_i` [N, …] and the state; output `logs`, means and sums over the batch.
 * @param penalized whether the logs end in what is added to the loss.
 */
export function evaluationProgram(spec: StepSpec, penalized = false): Program {
  const batch = minibatchInputs(spec);
  const { states, values } = variableInputs(spec.network, spec.layout);
  const result = spec.network.forward(feedNetwork(spec.network, batch.inputs), { training: false, values, uniform: untrained });
  const penalty = penaltyOf(spec.network, values, result.penalties);
  const { logs } = evaluateOutputs(spec, result, batch, penalty);
  // What layers add while they train they may not add here.
  const told = penalized ? [...logs, penalty ?? scalar(0, spec.network.dtype)] : logs;
  return finish('evaluation', [...tensorsOf(batch), ...states], { logs: stackScalars(told) }, states, result.updates);
}

/** Prediction of one batch: inputs `x_i` and the state; outputs `output_i`. */
export function predictionProgram(network: Network, inputs: StepSpec['inputs'], layout: Layout): Program {
  const batch = minibatchInputs({ inputs, targets: [] });
  const { states, values } = variableInputs(network, layout);
  const { outputs, updates } = network.forward(feedNetwork(network, batch.inputs), { training: false, values, uniform: untrained });
  return finish('prediction', [...batch.inputs, ...states], Object.fromEntries(outputs.map((tensor, i) => [`output_${i}`, tensor])), states, updates);
}

/** What a program on one batch's loss may use. */
export interface LossParts {
  /** In training mode, with what regularizers and layers add. */
  readonly loss: Tensor;
  /** The trained arrays. */
  readonly parameters: readonly Tensor[];
  /** Random numbers of the step. */
  readonly uniform: UniformSource;
}

/** Loss and logs of one batch in training mode, without a step; outputs `logs`, and what `outputsOf` makes of the loss. */
export function lossProgram(spec: StepSpec, name: string, outputsOf: (parts: LossParts) => Readonly<Record<string, Tensor>>): Program {
  const batch = minibatchInputs(spec);
  const { states, values } = variableInputs(spec.network, spec.layout);
  const iterations = input(ITERATIONS, [], 'int64');
  const uniform = uniformSource(spec.seed, iterations);
  const result = spec.network.forward(feedNetwork(spec.network, batch.inputs), { training: true, values, uniform });
  const { loss, logs } = evaluateOutputs(spec, result, batch, penaltyOf(spec.network, values, result.penalties));
  const parameters = spec.network
    .storage(spec.layout)
    .filter((stored) => stored.trainable)
    .map((stored) => values.get(stored.name) as Tensor);
  const outputs = { logs: stackScalars(logs), ...outputsOf({ loss, parameters, uniform }) };
  return finish(name, [...tensorsOf(batch), ...states, iterations], outputs, [...states, iterations]);
}

/** Gradients of one batch's loss; outputs `logs` and `gradient_i` per trained array. */
export function gradientProgram(spec: StepSpec): Program {
  return lossProgram(spec, 'gradients', ({ loss, parameters }) =>
    Object.fromEntries(gradients(loss, parameters).map((tensor, i) => [`gradient_${i}`, tensor])),
  );
}

function variableInputs(network: Network, layout: Layout): { states: Tensor[]; values: Map<string, Tensor> } {
  const stored = network.storage(layout);
  const states = stored.map(({ name, shape, dtype }) => input(name, shape, dtype));
  return { states, values: withPieces(stored, new Map(stored.map(({ name }, i) => [name, states[i] as Tensor]))) };
}

const untrained = (like: Tensor): Tensor => like;

/** @param kept what arrays become that a layer carries from one minibatch to the next whether it trains or not. */
function finish(
  name: string,
  inputs: readonly Tensor[],
  outputs: Readonly<Record<string, Tensor>>,
  states: readonly Tensor[],
  kept: ReadonlyMap<string, Tensor> = new Map(),
): Program {
  const written = Object.fromEntries([...kept].map(([entry, tensor]) => [nextName(entry), tensor]));
  const model = encodeOnnx(emitModel(inputs, { ...outputs, ...written }, { name }));
  return { model, reads: states.map((tensor) => tensor.name ?? ''), writes: [...kept.keys()] };
}
