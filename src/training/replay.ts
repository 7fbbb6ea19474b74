import { type FloatDType, isFloat } from '../core/dtype.js';
import { NdArray } from '../core/ndarray.js';
import type { Shape } from '../core/shape.js';
import { emitModel } from '../graph/emit.js';
import { nodesInside } from '../graph/gradients.js';
import { hasBodies, input, type Node, type Tensor, topological } from '../graph/node.js';
import { encodeOnnx } from '../graph/onnx/encode.js';
import { cast, concat, factorsOf, reduceSum, reshape, sub } from '../graph/ops/index.js';
import { simplify } from '../graph/simplify.js';
import { SINGLE } from '../network/network.js';
import type { Engine, Resident, Session } from '../runtime/index.js';
import type { Chunk } from './batches.js';
import { nextName } from './program.js';
import { partsOf } from './state.js';
import { feedNames, minibatchInputs, type StepSpec, stateEntries, tensorsOf, writeStep } from './step.js';

/** Smallest and largest value of a tensor. */
export interface ValueRange {
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

/** Where a value that is not finite first arose. */
export interface NonFinitePlace {
  /** Optimizer step, counted from 1 over all fits. */
  readonly step: number;
  /** Layer call or `loss`; for a bad input, its name. */
  readonly layer: string;
  /** ONNX operator that made it; `Input` where it came with the data or the state. */
  readonly operator: string;
  readonly pass: 'data' | 'forward' | 'backward' | 'update';
  /** Ranges of the operator's inputs. */
  readonly inputs: readonly ValueRange[];
  /** Range of its result. */
  readonly output: ValueRange;
}

/** What an operator gives. */
interface Probe {
  readonly tensor: Tensor;
  readonly node: Node;
}

/** One step as a graph, every array and layer on its own: inside a loop over layers no operator could be watched. */
interface ProbedStep {
  readonly inputs: readonly Tensor[];
  /** The state after the step, by name. */
  readonly next: ReadonlyMap<string, Tensor>;
  /** In the order of computation. */
  readonly probes: readonly Probe[];
}

type State = Readonly<Record<string, Resident | NdArray>>;

/** Values of a tensor up to which it is looked at together with others of its shape, and as many as are looked at in one go: copies take memory. */
const [SMALL, TOGETHER] = [2 ** 18, 2 ** 20];

/**
 * Runs a chunk again step by step, from the state it began with, with an eye on the result of every operator.
 * @returns the first operator whose result is not finite, or undefined where nothing goes wrong this time.
 */
export async function locateNonFinite(
  engine: Engine,
  spec: StepSpec,
  chunk: Chunk,
  state: Readonly<Record<string, Resident>>,
  learningRates: ArrayLike<number>,
  firstStep: number,
): Promise<NonFinitePlace | undefined> {
  const step = probedStep({ ...spec, layout: SINGLE });
  const rows = chunk.arrays[0]?.shape[1] ?? 1;
  const { marks, order } = marksOf(step.probes, rows, spec.network.dtype);
  const after = [...step.next].map(([name, tensor]) => [nextName(name), tensor] as const);
  const session = await load(engine, step, { ...Object.fromEntries(after), marks });
  let made: Resident[] = [];
  try {
    const plan = { marks: 'fetch', ...Object.fromEntries(after.map(([name]) => [name, 'keep'] as const)) } as const;
    let current: State = await takeApart(engine, spec, state);
    for (let k = 0; k < chunk.steps; k++) {
      const feeds = { ...feedsOf(spec, chunk, k, Number(learningRates[k])), ...current };
      const { fetched, kept } = await session.run(feeds, plan);
      const bad = firstBad(fetched.marks as NdArray, order);
      const probe = bad === undefined ? undefined : step.probes[bad];
      if (probe) {
        engine.free(Object.values(kept));
        return { step: firstStep + k + 1, ...(await placeOf(engine, step, probe, feeds)) };
      }
      engine.free(made);
      made = Object.values(kept);
      current = { ...current, ...Object.fromEntries([...step.next.keys()].map((name) => [name, kept[nextName(name)] as Resident])) };
    }
    return undefined;
  } finally {
    engine.free(made);
    await session.dispose();
  }
}

/** The state with every layer's arrays on their own. */
async function takeApart(engine: Engine, spec: StepSpec, state: Readonly<Record<string, Resident>>): Promise<State> {
  const result: Record<string, Resident | NdArray> = {};
  for (const { name, parts } of stateEntries(spec.network, spec.optimizer, spec.layout)) {
    const resident = state[name] as Resident;
    if (!parts) result[name] = resident;
    else {
      const [whole] = await engine.get([resident]);
      for (const [part, array] of partsOf(whole as NdArray, parts)) result[part] = array;
    }
  }
  return result;
}

function probedStep(spec: StepSpec): ProbedStep {
  const batch = minibatchInputs(spec);
  const learningRate = input('learning_rate', [], spec.network.dtype);
  const states = stateEntries(spec.network, spec.optimizer, SINGLE).map((entry) => input(entry.name, entry.shape, entry.dtype));
  const { next, seen } = writeStep(spec, batch, learningRate, new Map(states.map((tensor) => [tensor.name ?? '', tensor])));
  // Not the metrics, which may be without a finite value.
  const results = simplify([...next.values(), seen.loss]);
  const nodes = topological(results);
  // What runs inside of a loop of a layer's own is not seen by itself; what the loop gives is, with all that the backward pass needs of its steps.
  const hidden = new Set(nodes.flatMap((node) => (hasBodies(node) ? [...nodesInside(node)] : [])));
  const probes = nodes
    .filter((node) => !node.value && !hidden.has(node))
    .flatMap((node) => node.outputs.filter((tensor) => isFloat(tensor.dtype)).map((tensor) => ({ tensor, node })));
  return {
    inputs: [...tensorsOf(batch), learningRate, ...states],
    next: new Map([...next.keys()].map((name, i) => [name, results[i] as Tensor])),
    probes,
  };
}

async function load(engine: Engine, { inputs }: ProbedStep, outputs: Readonly<Record<string, Tensor>>): Promise<Session> {
  return engine.load(encodeOnnx(emitModel(inputs, outputs, { name: 'replay', simplify: false })), { name: 'replay' });
}

function feedsOf(spec: StepSpec, chunk: Chunk, k: number, learningRate: number): Record<string, NdArray> {
  const rows = chunk.arrays.map((array) => array.slice(k, k + 1).reshape(array.shape.slice(1)));
  const rate = NdArray.zeros([], spec.network.dtype);
  rate.set(0, learningRate);
  return { ...Object.fromEntries(feedNames(spec).map((name, i) => [name, rows[i] as NdArray])), learning_rate: rate };
}

/**
 * One number for each probe, not finite where any value of it is not, and whose they are, by their place among the probes.
 * Tensors of one shape share their operators: an engine takes the square of a graph's length to load it.
 */
function marksOf(probes: readonly Probe[], rows: number, dtype: FloatDType): { marks: Tensor; order: number[] } {
  const groups: number[][] = [];
  const open = new Map<string, { readonly members: number[]; size: number }>();
  probes.forEach(({ tensor }, i) => {
    const size = roughSize(tensor.shape, rows);
    if (size === 0) return;
    const key = `${tensor.dtype} ${tensor.shape.join(',')}`;
    const group = open.get(key);
    if (group && group.size + size <= TOGETHER) {
      group.members.push(i);
      group.size += size;
      return;
    }
    const members = [i];
    groups.push(members);
    if (size <= SMALL) open.set(key, { members, size });
  });
  const marks = groups.map((members) => {
    const tensors = members.map((i) => (probes[i] as Probe).tensor);
    const flat = tensors.map((tensor) => (tensor.rank === 0 ? reshape(tensor, [1]) : tensor));
    const table = reshape(concat(flat, 0), [members.length, -1]);
    // The engine's minimum and maximum may pass over NaN; x − x is 0 for finite x alone.
    return cast(reduceSum(sub(table, table), { axes: [1] }), dtype);
  });
  return { marks: concat(marks, 0), order: groups.flat() };
}

/** Number of values; an axis whose length is not known counts as a minibatch. */
function roughSize(shape: Shape, rows: number): number {
  const { known, names } = factorsOf(shape);
  return known * rows ** names.length;
}

/** The first in the order of computation of those whose mark is not finite. */
function firstBad(marks: NdArray, order: readonly number[]): number | undefined {
  const bad = order.filter((_, i) => !Number.isFinite(marks.at(i)));
  return bad.length > 0 ? Math.min(...bad) : undefined;
}

/** Who made a value that is not finite, and from what: the step again, as far as that. */
async function placeOf(
  engine: Engine,
  step: ProbedStep,
  { node, tensor }: Probe,
  feeds: Readonly<Record<string, Resident | NdArray>>,
): Promise<Omit<NonFinitePlace, 'step'>> {
  const text = node.label ?? 'step';
  const [layer = text, part] = text.split('/');
  const pass = node.record.name === 'Input' ? 'data' : part === 'gradient' ? 'backward' : part === 'update' ? 'update' : 'forward';
  const seen = new Set(step.probes.map((probe) => probe.tensor));
  const wanted = [tensor, ...node.inputs.filter((one) => seen.has(one))];
  const outputs = Object.fromEntries(wanted.map((one, i) => [`value_${i}`, one]));
  const session = await load(engine, step, outputs);
  try {
    const { fetched } = await session.run(feeds, Object.fromEntries(Object.keys(outputs).map((name) => [name, 'fetch'] as const)));
    const rangeOf = (one: Tensor): ValueRange => ({
      name: one.name ?? `${one.node.label ?? 'step'}/${one.node.record.name}`,
      ...extremes(one.node.value ?? (fetched[`value_${wanted.indexOf(one)}`] as NdArray)),
    });
    const inputs = node.inputs.filter((one) => seen.has(one) || one.node.value?.size === 1);
    return { layer, operator: node.record.name, pass, inputs: inputs.map(rangeOf), output: rangeOf(tensor) };
  } finally {
    await session.dispose();
  }
}

/** Smallest and largest value, both NaN where any is. */
function extremes(array: NdArray): { min: number; max: number } {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < array.size; i++) {
    const value = array.at(i);
    // Math.min and Math.max keep NaN.
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return { min, max };
}
