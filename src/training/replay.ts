import { isFloat } from '../core/dtype.js';
import { NdArray } from '../core/ndarray.js';
import { emitModel } from '../graph/emit.js';
import { nodesInside } from '../graph/gradients.js';
import { hasBodies, input, type Node, type Tensor, topological } from '../graph/node.js';
import { encodeOnnx } from '../graph/onnx/encode.js';
import { reduceMax, reduceMin, reduceSum, sub } from '../graph/ops/index.js';
import { simplify } from '../graph/simplify.js';
import { SINGLE } from '../network/network.js';
import type { Engine, Resident, Session } from '../runtime/index.js';
import type { Chunk } from './batches.js';
import { nextName } from './program.js';
import { partsOf } from './state.js';
import { feedNames, minibatchInputs, type StepSpec, stackScalars, stateEntries, tensorsOf, writeStep } from './step.js';

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

interface Probe {
  readonly tensor: Tensor;
  readonly node: Node;
}

/**
 * Runs a chunk again, step by step and with every operator's range on, from the state it began with.
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
  // Every array and layer on its own: inside a loop over layers no operator could be watched.
  const { model, probes, writes } = probedStep({ ...spec, layout: SINGLE });
  const session = await engine.load(model, { name: 'replay' });
  const made: Resident[] = [];
  try {
    let current: Record<string, Resident | NdArray> = await takeApart(engine, spec, state);
    for (let k = 0; k < chunk.steps; k++) {
      const result = await runStep(session, spec, chunk, k, Number(learningRates[k]), current, writes);
      made.push(...Object.values(result.kept));
      const place = firstBad(probes, result.ranges);
      if (place) return { step: firstStep + k + 1, ...place };
      current = { ...current, ...result.kept };
    }
    return undefined;
  } finally {
    engine.free(made);
    await session.dispose();
  }
}

/** The state with every layer's arrays on their own. */
async function takeApart(engine: Engine, spec: StepSpec, state: Readonly<Record<string, Resident>>): Promise<Record<string, Resident | NdArray>> {
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

function probedStep(spec: StepSpec): { model: Uint8Array; probes: Probe[]; writes: string[] } {
  const batch = minibatchInputs(spec);
  const learningRate = input('learning_rate', [], spec.network.dtype);
  const states = stateEntries(spec.network, spec.optimizer, SINGLE).map((entry) => input(entry.name, entry.shape, entry.dtype));
  const { next, seen } = writeStep(spec, batch, learningRate, new Map(states.map((tensor) => [tensor.name ?? '', tensor])));
  const writes = [...next.keys()];
  // Not the metrics, which may be without a finite value.
  const results = simplify([...next.values(), seen.loss]);
  const nodes = topological(results);
  // What runs inside of a loop of a layer's own is not seen by itself; what the loop gives is, with all that the backward pass needs of its steps.
  const hidden = new Set(nodes.flatMap((node) => (hasBodies(node) ? [...nodesInside(node)] : [])));
  const probes = nodes
    .filter((node) => !node.value && !hidden.has(node))
    .flatMap((node) => node.outputs.filter((tensor) => isFloat(tensor.dtype)).map((tensor) => ({ tensor, node })));
  const outputs: Record<string, Tensor> = {
    lows: stackScalars(probes.map(({ tensor }) => reduceMin(tensor))),
    highs: stackScalars(probes.map(({ tensor }) => reduceMax(tensor))),
    // The engine's minimum and maximum may pass over NaN; x − x is 0 for finite x alone.
    marks: stackScalars(probes.map(({ tensor }) => reduceSum(sub(tensor, tensor)))),
  };
  writes.forEach((name, i) => {
    outputs[nextName(name)] = results[i] as Tensor;
  });
  const inputs = [...tensorsOf(batch), learningRate, ...states];
  return { model: encodeOnnx(emitModel(inputs, outputs, { name: 'replay', simplify: false })), probes, writes };
}

async function runStep(
  session: Session,
  spec: StepSpec,
  chunk: Chunk,
  k: number,
  learningRate: number,
  state: Readonly<Record<string, Resident | NdArray>>,
  writes: readonly string[],
): Promise<{ ranges: ValueRange[]; kept: Record<string, Resident> }> {
  const rows = chunk.arrays.map((array) => array.slice(k, k + 1).reshape(array.shape.slice(1)));
  const rate = NdArray.zeros([], spec.network.dtype);
  rate.set(0, learningRate);
  const feeds = { ...Object.fromEntries(feedNames(spec).map((name, i) => [name, rows[i] as NdArray])), learning_rate: rate, ...state };
  const plan = { lows: 'fetch', highs: 'fetch', marks: 'fetch', ...Object.fromEntries(writes.map((name) => [nextName(name), 'keep'])) } as const;
  const { fetched, kept } = await session.run(feeds, plan);
  const [lows, highs, marks] = [fetched.lows as NdArray, fetched.highs as NdArray, fetched.marks as NdArray];
  const ranges = Array.from({ length: lows.size }, (_, i) => {
    const [min, max] = [lows.at(i), highs.at(i)];
    const hidden = Number.isFinite(min) && Number.isFinite(max) && !Number.isFinite(marks.at(i));
    return hidden ? { name: '', min: Number.NaN, max: Number.NaN } : { name: '', min, max };
  });
  return { ranges, kept: Object.fromEntries(writes.map((name) => [name, kept[nextName(name)] as Resident])) };
}

function firstBad(probes: readonly Probe[], ranges: readonly ValueRange[]): Omit<NonFinitePlace, 'step'> | undefined {
  const index = ranges.findIndex(({ min, max }) => !Number.isFinite(min) || !Number.isFinite(max));
  const probe = probes[index];
  const range = ranges[index];
  if (!probe || !range) return undefined;
  const { node, tensor } = probe;
  const text = node.label ?? 'step';
  const [layer = text, part] = text.split('/');
  const name = (one: Tensor): string => one.name ?? `${one.node.label ?? 'step'}/${one.node.record.name}`;
  const inputs = node.inputs.flatMap((one) => {
    const at = probes.findIndex((candidate) => candidate.tensor === one);
    const value = one.node.value;
    if (value?.size === 1) return [{ name: name(one), min: value.at(0), max: value.at(0) }];
    return at < 0 ? [] : [{ ...(ranges[at] as ValueRange), name: name(one) }];
  });
  const pass = node.record.name === 'Input' ? 'data' : part === 'gradient' ? 'backward' : part === 'update' ? 'update' : 'forward';
  return { layer, operator: node.record.name, pass, inputs, output: { ...range, name: name(tensor) } };
}
