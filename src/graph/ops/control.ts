import { isFloat } from '../../core/dtype.js';
import { ShapeError } from '../../core/errors.js';
import { type Dim, sameShape, showShape } from '../../core/shape.js';
import { activeTensors, backward, capturedBy, nodesInside } from '../gradients.js';
import {
  type Attributes,
  addOutput,
  type Body,
  bodiesOf,
  dependencies,
  type GradientContext,
  input,
  isInput,
  madeSince,
  makeNode,
  type Node,
  nextId,
  notDifferentiable,
  type OpRecord,
  scalar,
  type Tap,
  type Tensor,
  topological,
} from '../node.js';
import { copyNode, rewrite } from '../rewrite.js';
import { add } from './arithmetic.js';
import { zerosLike } from './indexing.js';
import { gemm, gemmRecord } from './linear.js';
import { expandLike, reshape } from './movement.js';

/** Control flow: `Scan` (depth and time), `Loop` (training steps), `If`. Bodies use tensors of the outer graph freely. */

export interface StepResult {
  readonly state: readonly Tensor[];
  readonly outputs?: readonly Tensor[];
  /** Scans only: values whose gradients are wanted outside. */
  readonly taps?: readonly Tap[];
}

export interface ScanOptions {
  /** Values carried from step to step. */
  readonly state: readonly Tensor[];
  /** Tensors whose first axis is walked. */
  readonly sequences: readonly Tensor[];
  /** Which sequences are walked from the end; none unless given. */
  readonly reverse?: readonly boolean[];
  /** Which outputs are stacked from the end; none unless given. */
  readonly reverseOutputs?: readonly boolean[];
  /** Whether the backward pass keeps only the states and recomputes the other values of a step; default false. */
  readonly recompute?: boolean;
  readonly step: (state: readonly Tensor[], items: readonly Tensor[]) => StepResult;
}

const Scan: OpRecord = {
  name: 'Scan',
  attributes: { num_scan_inputs: 'int', scan_input_directions: 'ints', scan_output_directions: 'ints' },
  infer: () => [],
  gradient: scanGradient,
};

function checkTypes(problem: string, before: readonly Tensor[], after: readonly Tensor[]): void {
  const show = (tensor: Tensor | undefined): string => (tensor ? `${tensor.dtype}${showShape(tensor.shape)}` : 'nothing');
  for (let i = 0; i < Math.max(before.length, after.length); i++) {
    const [from, to] = [before[i], after[i]];
    if (!from || !to || from.dtype !== to.dtype || !sameShape(from.shape, to.shape)) {
      throw new ShapeError(`${problem}: value ${i} is ${show(from)} at first and ${show(to)} afterwards`, {
        expected: show(from),
        received: show(to),
      });
    }
  }
}

/** Runs `step` along the first axis of the sequences. @returns the last state and the stacked outputs. @throws ShapeError if the state changes type. */
export function scan({ state, sequences, reverse = [], reverseOutputs = [], recompute = false, step }: ScanOptions): {
  state: Tensor[];
  outputs: Tensor[];
} {
  const length = sequences[0]?.shape[0];
  if (length === undefined) throw new ShapeError('a scan needs at least one sequence with an axis to walk');
  const states = state.map((tensor, i) => input(`state_${i}`, tensor.shape, tensor.dtype));
  const items = sequences.map((tensor, i) => input(`item_${i}`, tensor.shape.slice(1), tensor.dtype));
  const made = step(states, items);
  checkTypes('the state of a scan must keep its types', states, made.state);
  const body = {
    parameters: [...states, ...items],
    results: [...made.state, ...(made.outputs ?? [])],
    ...(made.taps ? { taps: made.taps } : {}),
    ...(recompute ? { recompute } : {}),
  };
  const node = makeScan({ initial: state, sequences, body, reverse, reverseOutputs });
  return { state: node.outputs.slice(0, state.length), outputs: node.outputs.slice(state.length) };
}

export interface ScanParts {
  readonly initial: readonly Tensor[];
  readonly sequences: readonly Tensor[];
  readonly body: Body;
  readonly reverse: readonly boolean[];
  readonly reverseOutputs: readonly boolean[];
}

/** The `Scan` of a body, as files describe it. */
export function makeScan({ initial, sequences, body, reverse, reverseOutputs }: ScanParts): Node {
  const outputs = body.results.slice(initial.length);
  const flags = (count: number, reversed: readonly boolean[]): number[] => Array.from({ length: count }, (_, i) => Number(reversed[i] ?? false));
  const attributes: Attributes = {
    num_scan_inputs: sequences.length,
    scan_input_directions: flags(sequences.length, reverse),
    scan_output_directions: flags(outputs.length, reverseOutputs),
  };
  const length = sequences[0]?.shape[0] as Dim;
  const stacked = outputs.map(({ dtype, shape }) => ({ dtype, shape: [length, ...shape] }));
  return makeNode(Scan, [...initial, ...sequences], attributes, [...body.results.slice(0, initial.length), ...stacked], { bodies: { body } });
}

/** A `Scan` the other way round: carries the state's gradient, walks what the forward pass left, sums gradients of captured tensors. */
function scanGradient({ node, dys, wanted }: GradientContext): (Tensor | undefined)[] {
  const body = node.bodies.body as Body;
  const stateCount = node.inputs.length - Number(node.attributes.num_scan_inputs);
  const sequences = node.inputs.slice(stateCount);
  const backwards = (node.attributes.scan_input_directions as readonly number[]).map(Boolean);
  const all = capturedBy(node);
  const captured = all.filter((tensor, i) => isFloat(tensor.dtype) && wanted(node.inputs.length + i));
  const states = body.parameters.slice(0, stateCount);
  const items = body.parameters.slice(stateCount);
  const since = nextId();

  const floating = changingStates(body, states, captured.concat(items.filter((_, i) => wanted(stateCount + i))), wanted);
  const live = body.results.map((_, i) => i).filter((i) => i >= stateCount && dys[i] !== undefined);
  const stateSeeds = floating.map((i) => input(`d_state_${i}`, (states[i] as Tensor).shape, (states[i] as Tensor).dtype));
  const outputSeeds = live.map((i) => input(`d_output_${i}`, (body.results[i] as Tensor).shape, (body.results[i] as Tensor).dtype));
  const seeds = body.results.map((_, i) => (i < stateCount ? stateSeeds[floating.indexOf(i)] : outputSeeds[live.indexOf(i)]));
  const wantedItems = items.filter((item, i) => isFloat(item.dtype) && wanted(stateCount + i));
  const found = backward(body.results, [...floating.map((i) => states[i] as Tensor), ...wantedItems, ...captured], seeds, { stop: true });
  const gradientOf = (tensor: Tensor): Tensor => {
    const gradient = found.get(tensor);
    return gradient ? expandLike(gradient, tensor) : zerosLike(tensor);
  };
  const inside = nodesInside(node);
  const isForward = (tensor: Tensor): boolean => tensor.node.id < since && inside.has(tensor.node);
  const { recompute = false } = body;
  const reached = captured.filter((tensor) => found.has(tensor));
  // Rows of both factors must come to lie in one order: that of the steps.
  const inOrder = (tensor: Tensor): boolean => heldSequence(node, tensor)?.reverse ?? true;
  const products = reached.flatMap((tensor): Product[] => {
    const product = found.get(tensor);
    const [left, right] = product && isRowProduct(product) ? product.node.inputs : [];
    return left && right && !recompute && inOrder(left) && inOrder(right) ? [{ tensor, left, right }] : [];
  });
  const summed = reached.filter((tensor) => !products.some((product) => product.tensor === tensor));
  const sums = summed.map((tensor, i) => input(`sum_${i}`, tensor.shape, tensor.dtype));
  const dItems = wantedItems.filter((item) => found.has(item));
  const taps = (body.taps ?? []).filter(({ tensor }) => found.has(tensor));
  const factors = [...new Set(products.flatMap(({ left, right }) => [left, right]))];
  const made = factors.filter((tensor) => !isForward(tensor));
  const results = [
    ...floating.map((i) => gradientOf(states[i] as Tensor)),
    ...summed.map((tensor, i) => add(sums[i] as Tensor, gradientOf(tensor))),
    ...dItems.map(gradientOf),
    ...taps.map(({ tensor }) => gradientOf(tensor)),
    ...made,
  ];

  const kept = recompute ? usedParameters(body, results) : forwardValues(results, isForward, since);
  const keptInputs = kept.map((tensor, i) => input(`kept_${i}`, tensor.shape, tensor.dtype));
  const keep = (tensor: Tensor): KeptSequence => heldSequence(node, tensor) ?? { tensor: keepResult(node, body, tensor), reverse: true };
  const keptSequences = kept.map(keep);
  const replaced = new Map(kept.map((tensor, i) => [tensor, keptInputs[i] as Tensor]));
  // Loops inside are run twice then, and no two loops may share what their bodies take in.
  for (const inner of recompute ? inside : []) {
    for (const { parameters } of bodiesOf(inner)) {
      for (const parameter of parameters) replaced.set(parameter, input(parameter.name ?? 'again', parameter.shape, parameter.dtype));
    }
  }
  const rewritten = rewrite(results, replaced);

  const carried = [...floating.map((i) => dys[i] ?? zerosLike(node.outputs[i] as Tensor)), ...summed.map((tensor) => zerosLike(tensor))];
  const outputDirections = (node.attributes.scan_output_directions as readonly number[]).map(Boolean);
  const walked = [...live.map((i) => ({ tensor: dys[i] as Tensor, reverse: !outputDirections[i - stateCount] })), ...keptSequences];
  const walkers = [...outputSeeds, ...keptInputs];
  if (walked.length === 0) {
    // A scan needs a sequence to walk; where the gradient needs nothing of the forward pass, any of its own will do.
    const sequence = sequences[0] as Tensor;
    walked.push({ tensor: sequence, reverse: true });
    walkers.push(input('unused', sequence.shape.slice(1), sequence.dtype));
  }
  const reversed = makeScan({
    initial: carried,
    sequences: walked.map(({ tensor }) => tensor),
    body: { parameters: [...stateSeeds, ...sums, ...walkers], results: rewritten },
    reverse: walked.map(({ reverse }) => reverse),
    reverseOutputs: [...dItems.map((item) => !backwards[items.indexOf(item)]), ...taps.map(() => true), ...made.map(() => true)],
  });
  const stacks = new Map(made.map((tensor, i) => [tensor, reversed.outputs[carried.length + dItems.length + taps.length + i] as Tensor]));
  const stackOf = (tensor: Tensor): Tensor => stacks.get(tensor) ?? keep(tensor).tensor;
  const ofProducts = new Map(products.map(({ tensor, left, right }) => [tensor, rowProduct(stackOf(left), stackOf(right))]));
  taps.forEach((tap, i) => {
    tap.gradient = reversed.outputs[carried.length + dItems.length + i] as Tensor;
  });
  const slot = (i: number, offset: number): Tensor | undefined => (i < 0 ? undefined : reversed.outputs[offset + i]);
  return [
    ...states.map((_, i) => slot(floating.indexOf(i), 0)),
    ...items.map((item) => slot(dItems.indexOf(item), carried.length)),
    ...all.map((tensor) => ofProducts.get(tensor) ?? slot(summed.indexOf(tensor), floating.length)),
  ];
}

/** A gradient that every step adds to: leftᵀ·right, summed over rows and steps. One product of all steps' rows does it outside of the loop. */
interface Product {
  /** Whose gradient it is. */
  readonly tensor: Tensor;
  readonly left: Tensor;
  readonly right: Tensor;
}

/** Whether a tensor is Aᵀ·B of matrices. */
function isRowProduct({ node }: Tensor): boolean {
  const { alpha = 1, transA, transB } = node.attributes;
  return node.record === gemmRecord && node.inputs.length === 2 && alpha === 1 && transA === 1 && transB !== 1;
}

/** Σ leftᵀ·right over the steps, of matrices stacked along a first axis. */
function rowProduct(left: Tensor, right: Tensor): Tensor {
  const rows = (x: Tensor): Tensor => reshape(x, [-1, x.shape[2] as number]);
  return gemm(rows(left), rows(right), undefined, { transA: true });
}

/** Which states carry what is wanted: those that start from it, and those that a step makes of it or of another such state. */
function changingStates(body: Body, states: readonly Tensor[], from: readonly Tensor[], wanted: (index: number) => boolean): number[] {
  const changing = new Set(states.flatMap((_, i) => (wanted(i) ? [i] : [])));
  const nodes = topological(body.results);
  for (let before = -1; before < changing.size; ) {
    before = changing.size;
    const active = activeTensors(nodes, [...from, ...states.filter((_, i) => changing.has(i))]);
    states.forEach((_, i) => {
      if (active.has(body.results[i] as Tensor)) changing.add(i);
    });
  }
  return [...changing].filter((i) => isFloat((states[i] as Tensor).dtype)).sort((a, b) => a - b);
}

/** Tensors of the forward body that the backward body uses directly: what has to be kept for it. */
function forwardValues(results: readonly Tensor[], isForward: (tensor: Tensor) => boolean, since: number): Tensor[] {
  const kept = new Set<Tensor>(results.filter(isForward));
  for (const made of madeSince(results, since)) {
    for (const tensor of dependencies(made)) if (isForward(tensor)) kept.add(tensor);
  }
  return [...kept].sort((a, b) => a.node.id - b.node.id || a.index - b.index);
}

/** What enters the forward body and is needed to compute its values again. */
function usedParameters({ parameters }: Body, results: readonly Tensor[]): Tensor[] {
  const nodes = new Set(topological(results));
  return parameters.filter(({ node }) => nodes.has(node));
}

interface KeptSequence {
  readonly tensor: Tensor;
  /** Whether the backward scan walks it from its end. */
  readonly reverse: boolean;
}

/** Where the backward scan finds a forward value: the sequence itself, or an output that already stacks it; undefined where nothing holds it. */
function heldSequence(node: Node, tensor: Tensor): KeptSequence | undefined {
  const body = node.bodies.body as Body;
  const stateCount = node.inputs.length - Number(node.attributes.num_scan_inputs);
  const flag = (name: string, i: number): boolean => Boolean((node.attributes[name] as readonly number[])[i]);
  const item = body.parameters.indexOf(tensor) - stateCount;
  if (isInput(tensor) && item >= 0) return { tensor: node.inputs[stateCount + item] as Tensor, reverse: !flag('scan_input_directions', item) };
  const output = body.results.findIndex((result, i) => i >= stateCount && result === tensor);
  return output < 0 ? undefined : { tensor: node.outputs[output] as Tensor, reverse: !flag('scan_output_directions', output - stateCount) };
}

/** Where a scan stacks an inner value by its steps, as its gradient may have asked for; undefined where it does not. */
export function stackedIn(node: Node, tensor: Tensor): Tensor | undefined {
  const held = heldSequence(node, tensor);
  return held?.reverse ? held.tensor : undefined;
}

/** Makes a running scan stack one more of its inner values. */
function keepResult(node: Node, body: Body, tensor: Tensor): Tensor {
  body.results.push(tensor);
  (node.attributes.scan_output_directions as number[]).push(0);
  const length = node.inputs[node.inputs.length - 1]?.shape[0] as Dim;
  return addOutput(node, { dtype: tensor.dtype, shape: [length, ...tensor.shape] });
}

export interface LoopOptions {
  /** How many steps: an int64 scalar. */
  readonly count: Tensor;
  readonly state: readonly Tensor[];
  /** Name of the axis along which outputs are stacked. */
  readonly axis?: string;
  readonly step: (iteration: Tensor, state: readonly Tensor[]) => StepResult;
}

const Loop: OpRecord = { name: 'Loop', infer: () => [], gradient: notDifferentiable('a Loop may stop at any step; rewrite it as a scan') };

/** Runs `step` `count` times. @returns the last state and the stacked outputs. */
export function loop({ count, state, axis = 'K', step }: LoopOptions): { state: Tensor[]; outputs: Tensor[] } {
  const iteration = input('iteration', [], 'int64');
  const condition = input('condition', [], 'bool');
  const states = state.map((tensor) => input(tensor.name ?? 'state', tensor.shape, tensor.dtype));
  const made = step(iteration, states);
  checkTypes('the state of a loop must keep its types', states, made.state);
  const results = [condition, ...made.state, ...(made.outputs ?? [])];
  const node = makeLoop([count, scalar(1, 'bool'), ...state], { parameters: [iteration, condition, ...states], results }, axis);
  return { state: node.outputs.slice(0, state.length), outputs: node.outputs.slice(state.length) };
}

/** The `Loop` of a body, as files describe it: count, condition and state go in; the body takes the step's number first and gives the condition first. */
export function makeLoop(inputs: readonly Tensor[], body: Body, axis: Dim): Node {
  const carried = inputs.length - 2;
  const types = body.results.slice(1).map(({ dtype, shape }, i) => ({ dtype, shape: i < carried ? shape : [axis, ...shape] }));
  return makeNode(Loop, inputs, {}, types, { bodies: { body } });
}

const If: OpRecord = { name: 'If', infer: () => [], gradient: ifGradient };

/** Results of one branch or the other; only the branch taken is computed. @throws ShapeError if the branches differ in type. */
export function ifElse(condition: Tensor, then: () => readonly Tensor[], otherwise: () => readonly Tensor[]): Tensor[] {
  const branch = (make: () => readonly Tensor[]): Body => {
    const since = nextId();
    const results = [...make()];
    return { parameters: [], results, interior: new Set(madeSince(results, since).filter((node) => node.value === undefined)) };
  };
  const [taken, other] = [branch(then), branch(otherwise)];
  checkTypes('both branches must return the same types', taken.results, other.results);
  return makeNode(If, [condition], {}, taken.results, { bodies: { then_branch: taken, else_branch: other } }).outputs;
}

/** An `If` of each branch's gradients, so that the branch not taken costs nothing and its infinities stay out. */
function ifGradient({ node, dys, wanted }: GradientContext): (Tensor | undefined)[] {
  const captured = capturedBy(node);
  const floating = captured.filter((tensor, i) => isFloat(tensor.dtype) && wanted(node.inputs.length + i));
  const branch = (body: Body | undefined) => (): Tensor[] => {
    const found = backward(body?.results ?? [], floating, dys, { stop: true });
    const results = floating.map((tensor) => {
      const gradient = found.get(tensor);
      return gradient ? expandLike(gradient, tensor) : zerosLike(tensor);
    });
    // Copied, since a node that two branches share would have to run outside of both.
    return rewrite(results, new Map(), (inner, before) => (inner === before && body?.interior?.has(inner) ? copyNode(inner).outputs : undefined));
  };
  const gradients = ifElse(node.inputs[0] as Tensor, branch(node.bodies.then_branch), branch(node.bodies.else_branch));
  return [undefined, ...captured.map((tensor) => gradients[floating.indexOf(tensor)])];
}

/** How many outputs of a scan or loop are its last state; behind them come the stacked ones. */
export function carriedCount({ record, inputs, attributes }: Node): number {
  return inputs.length - (record === Loop ? 2 : Number(attributes.num_scan_inputs));
}

export const controlRecords = { Scan, Loop, If };
