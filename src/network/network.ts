import { type Activation, asNonlinearity } from '../activations.js';
import type { Constraint } from '../constraints.js';
import { asFromTable, isFromTable } from '../core/catalogue.js';
import type { DType, FloatDType } from '../core/dtype.js';
import { ArgumentError } from '../core/errors.js';
import type { StaticShape } from '../core/shape.js';
import { label, type Tap, type Tensor } from '../graph/node.js';
import { flush, split } from '../graph/ops/index.js';
import { type Initializer, type InitializerLike, resolveInitializer } from '../initializers.js';
import type { Regularizer } from '../regularizers.js';
import { activationsOf } from './activation-of.js';
import { callLayer, type Layer, type LayerCall, type Signal, type WeightSpec } from './layer.js';
import { isStacked, type UniformSource, type WriteCall, writeRun } from './loops.js';
import { inOrder } from './order.js';
import { callsAt, findRuns, type Run, rowName } from './runs.js';
import { type LoopedSums, loopedTap, type SignalTap } from './taps.js';

/** An array of the network's state. */
export interface Variable {
  /** `dense_1/kernel`. */
  readonly name: string;
  readonly shape: StaticShape;
  readonly dtype: DType;
  /** Whether the gradient changes it. */
  readonly trainable: boolean;
  readonly initializer: InitializerLike;
  readonly regularizer: Regularizer | undefined;
  readonly constraint: Constraint | undefined;
  readonly layer: Layer;
  readonly weight: string;
}

/** How training lays arrays out in memory. */
export interface Layout {
  /** Rows of equal layers are stacked, so that they run as loops. */
  readonly loops: boolean;
  /** Trained vectors (biases, scales) lie in one array, so that one update serves them all. */
  readonly packed: boolean;
}

/** Every array on its own. */
export const SINGLE: Layout = { loops: false, packed: false };

/** An array as training keeps it: one variable, or several one behind the other. */
export interface Stored {
  readonly name: string;
  readonly shape: StaticShape;
  readonly dtype: DType;
  readonly trainable: boolean;
  /** The variables in it, in order. */
  readonly parts: readonly Variable[];
  /** One variable; those of a row of equal layers, stacked along a new first axis; or vectors end to end. */
  readonly kind: 'single' | 'stacked' | 'packed';
}

export interface ForwardOptions {
  readonly training: boolean;
  /** Value of each array, by name (`withPieces`). Rows of equal layers become a loop where their stacked arrays are given. */
  readonly values: ReadonlyMap<string, Tensor>;
  readonly uniform: UniformSource;
  /** Sees what each activation is about to receive, and may change it; calls inside a loop are seen once. */
  readonly preactivation?: (call: LayerCall, z: Tensor) => Tensor;
  /** Keep denormal numbers out of signals and deltas: for engines that do not flush them. Default false. */
  readonly flush?: boolean;
  /** Note what activations receive and give; default false. */
  readonly observe?: boolean;
}

export interface ForwardResult {
  readonly outputs: readonly Tensor[];
  /** What statistics become after this step, by variable name. */
  readonly updates: ReadonlyMap<string, Tensor>;
  /** All that layer calls give, but for those inside a loop. */
  readonly signals: ReadonlyMap<Signal, Tensor>;
  /** Scalars that layers add to the loss. */
  readonly penalties: readonly Tensor[];
  /** What activations receive and give, where that was asked for. */
  readonly taps: readonly SignalTap[];
  /** For each output, which of its steps count: bool [N, time]; undefined where all do. */
  readonly masks: readonly (Tensor | undefined)[];
}

/** Layers wired into a graph: what a model computes, with the arrays it needs. */
export class Network {
  readonly inputs: readonly Signal[];
  readonly outputs: readonly Signal[];
  /** In an order in which they can run. */
  readonly calls: readonly LayerCall[];
  /** Each layer once, in the order of its first call. */
  readonly layers: readonly Layer[];
  readonly dtype: FloatDType;

  /** @throws ArgumentError if an input is missing or two layers have one name. */
  constructor(inputs: readonly Signal[], outputs: readonly Signal[], dtype: FloatDType = 'float32') {
    this.inputs = inputs;
    this.outputs = outputs;
    this.dtype = dtype;
    this.calls = orderCalls(inputs, outputs);
    this.layers = [...new Set(this.calls.map((call) => call.layer))];
    nameLayers(this.layers);
  }

  /** Every array the layers keep, in the order of the layers. */
  get variables(): Variable[] {
    const activations = activationsOf(this.calls);
    return this.layers.flatMap((layer) =>
      [...layer.weights].map(([weight, spec]) => ({
        name: `${layer.title}/${weight}`,
        shape: spec.shape,
        dtype: this.dtype,
        trainable: layer.trainable && spec.trainable !== false,
        initializer: suited(layer, weight, spec, activations.get(layer)),
        regularizer: spec.regularizer,
        constraint: spec.constraint,
        layer,
        weight,
      })),
    );
  }

  /** The arrays as training keeps them. */
  storage({ loops, packed }: Layout): Stored[] {
    const { variables } = this;
    const runs = loops ? findRuns(this.calls, this.outputs) : [];
    const home = new Map<Layer, { readonly run: Run; readonly place: number }>(
      runs.flatMap((run) => run.blocks.flatMap((block) => block.map(({ layer }, place) => [layer, { run, place }] as const))),
    );
    const named = new Map(variables.map((variable) => [variable.name, variable]));
    const vectors = packed ? variables.filter((one) => one.trainable && one.shape.length === 1 && !home.has(one.layer) && !isWatched(one)) : [];
    const pack = vectors.length > 1 ? packOf(vectors) : undefined;
    const packs = new Set(pack?.parts);
    return variables.flatMap((variable): Stored[] => {
      if (pack && packs.has(variable)) return variable === pack.parts[0] ? [pack] : [];
      const found = home.get(variable.layer);
      if (!found) return [{ ...variable, parts: [variable], kind: 'single' }];
      const { run, place } = found;
      if (variable.layer !== run.blocks[0]?.[place]?.layer) return [];
      const parts = callsAt(run, place).map(({ layer }) => named.get(`${layer.title}/${variable.weight}`) as Variable);
      return [{ ...variable, name: `${rowName(run, place)}/${variable.weight}`, shape: [parts.length, ...variable.shape], parts, kind: 'stacked' }];
    });
  }

  /** Writes the graph from input tensors (in the order of `inputs`) to outputs. */
  forward(
    inputs: readonly Tensor[],
    { training, values, uniform, preactivation, flush: guard = false, observe = false }: ForwardOptions,
  ): ForwardResult {
    const known = new Map<Signal, Tensor>(this.inputs.map((signal, i) => [signal, inputs[i] as Tensor]));
    const masks = new Map<Signal, Tensor | undefined>();
    const updates = new Map<string, Tensor>();
    const times = new Map<Layer, number>();
    const runs = findRuns(this.calls, this.outputs).filter((run) => isStacked(run, values));
    const inRuns = new Map(runs.flatMap((run) => run.blocks.flatMap((block) => block.map((call) => [call, run] as const))));
    const written = new Set<Run>();
    const taps: SignalTap[] = [];
    const penalties: Tensor[] = [];
    const write: WriteCall = (call, given, own) => {
      const { layer } = call;
      let sums: Tensor | undefined;
      const seen = (z: Tensor): Tensor => {
        sums = preactivation ? preactivation(call, z) : z;
        return sums;
      };
      const looped: LoopedSums[] = [];
      const { outputs, masks: counting } = callLayer(layer, given, {
        training,
        dtype: this.dtype,
        weight: own.weight,
        update: own.update,
        preactivation: seen,
        addLoss: own.addLoss,
        uniform: own.uniform,
        masks: call.inputs.map((signal) => masks.get(signal)),
        ...(observe ? { looped: (z: Tensor, tap: Tap) => looped.push({ z, tap }) } : {}),
        ...(guard ? { guard: flush } : {}),
      });
      // A loss looks behind the last activation; nothing may stand between.
      const keep = guard && layer.weights.size > 0;
      const kept = outputs.map((output, i) => (keep && !this.outputs.includes(call.outputs[i] as Signal) ? flush(output) : output));
      label([...kept, ...counting.filter((mask) => mask !== undefined)], layer.title);
      call.outputs.forEach((signal, i) => {
        masks.set(signal, counting[i]);
      });
      return { outputs: kept, sums, looped };
    };
    const single = (call: LayerCall, given: readonly Tensor[]): readonly Tensor[] => {
      const { title } = call.layer;
      const time = times.get(call.layer) ?? 0;
      times.set(call.layer, time + 1);
      const own = new Map<string, Tensor>();
      const {
        outputs,
        sums: z,
        looped,
      } = write(call, given, {
        // A shared layer's next call goes on from what this one made of a statistic.
        weight: (owner, name) => (updates.get(`${owner.title}/${name}`) ?? values.get(`${owner.title}/${name}`)) as Tensor,
        update: (owner, name, next) => {
          label([next], title);
          own.set(`${owner.title}/${name}`, next);
        },
        addLoss: (penalty) => penalties.push(penalty),
        uniform: (like, use) => uniform(like, `${title}/${time}/${use}`),
      });
      for (const [name, next] of own) updates.set(name, next);
      if (observe && looped.length > 0) taps.push(loopedTap(call, looped));
      else if (observe && z) taps.push({ calls: [call], z, h: outputs[0], gradient: (found) => found.get(z) });
      return outputs;
    };
    const settle = (call: LayerCall, outputs: readonly Tensor[]): void => {
      call.outputs.forEach((signal, i) => {
        known.set(signal, outputs[i] as Tensor);
      });
    };
    for (const call of this.calls) {
      const run = inRuns.get(call);
      const entered = known.has(call.output);
      const given = (one: LayerCall): Tensor[] => one.inputs.map((signal) => known.get(signal) as Tensor);
      if (entered) continue;
      if (!run) settle(call, single(call, given(call)));
      else if (!written.has(run)) {
        written.add(run);
        const made = writeRun(run, { known, values, write, uniform, observe, remat: training && !observe });
        taps.push(...made.taps);
        penalties.push(...made.penalties);
        for (const [name, next] of made.updates) updates.set(name, next);
        const last = run.blocks.at(-1)?.[run.exit] as LayerCall;
        settle(last, [made.output]);
        // Blocks that are a loop pass the mask on as it is.
        masks.set(last.output, masks.get(run.entry));
      }
    }
    return {
      outputs: this.outputs.map((signal) => known.get(signal) as Tensor),
      updates,
      signals: known,
      taps,
      penalties,
      masks: this.outputs.map((signal) => masks.get(signal)),
    };
  }
}

/** The initializer that draws for the layer's fans, and for the activation which its sums go through. */
function suited(layer: Layer, weight: string, { initializer, shape, straight }: WeightSpec, activation: Activation | undefined): InitializerLike {
  const resolved = resolveInitializer(initializer);
  const bent = straight ? undefined : activation;
  const fans = shape.length < 2 ? undefined : layer.fans(shape, weight);
  if (!fans?.scales && (!resolved.suit || !(bent || isFromTable(resolved)))) return resolved;
  const drawing = bent && resolved.suit ? resolved.suit(asNonlinearity(bent)) : resolved;
  const sample: Initializer['sample'] = (drawn, random, warn) => drawing.sample(drawn, random, warn, fans);
  const fitted = { ...resolved, sample };
  return isFromTable(resolved) ? asFromTable(fitted) : fitted;
}

/** Whether training looks at the array by itself. */
function isWatched({ regularizer, constraint }: Variable): boolean {
  return regularizer !== undefined || constraint !== undefined;
}

function packOf(vectors: readonly Variable[]): Stored {
  const [first, last] = [vectors[0], vectors[vectors.length - 1]] as [Variable, Variable];
  const length = vectors.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const name = `${first.layer.title}..${last.layer.title}/vectors`;
  return { name, shape: [length], dtype: first.dtype, trainable: true, parts: vectors, kind: 'packed' };
}

/** Stored arrays by name, and the pieces of packed ones. */
export function withPieces(stored: readonly Stored[], values: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const all = new Map(values);
  for (const { name, kind, parts } of stored) {
    const tensor = values.get(name);
    if (kind !== 'packed' || !tensor) continue;
    const pieces = split(tensor, { axis: 0, lengths: parts.map(({ shape }) => shape[0] ?? 0) });
    label(pieces, name);
    parts.forEach((part, i) => {
      all.set(part.name, pieces[i] as Tensor);
    });
  }
  return all;
}

/** Calls that the outputs need, each after those it uses. */
function orderCalls(inputs: readonly Signal[], outputs: readonly Signal[]): LayerCall[] {
  const entries = new Set<LayerCall>();
  for (const { call } of inputs) {
    if (call.inputs.length > 0)
      throw new ArgumentError(`inputs of a model must come from layers.input; got the output of ${call.layer.title}`, { argument: 'inputs' });
    if (entries.has(call)) throw new ArgumentError('the same input is listed twice', { argument: 'inputs' });
    entries.add(call);
  }
  const callsOf = (signals: readonly Signal[]): LayerCall[] => signals.map(({ call }) => call);
  const order = inOrder([...entries], callsOf(outputs), (call) => callsOf(call.inputs));
  const missing = order.find((call) => call.inputs.length === 0 && !entries.has(call));
  if (!missing) return order;
  throw new ArgumentError(`the outputs need the input '${missing.layer.title}', which is not among the model's inputs`, { argument: 'inputs' });
}

/** Names layers that have none: `dense_1`, `dense_2`, counted per kind. */
function nameLayers(layers: readonly Layer[]): void {
  const taken = new Set<string>();
  for (const { name, kind } of layers) {
    if (name === undefined) continue;
    if (taken.has(name))
      throw new ArgumentError(
        `two layers are named '${name}'; layer names must be unique within a model. A layer keeps the name that its first model gave it: when combining layers of several models, give each a unique name with { name }`,
        { argument: 'name', received: name, layer: kind },
      );
    taken.add(name);
  }
  const counts = new Map<string, number>();
  for (const layer of layers) {
    if (layer.name !== undefined) continue;
    let count = counts.get(layer.kind) ?? 0;
    do count++;
    while (taken.has(`${layer.kind}_${count}`));
    counts.set(layer.kind, count);
    layer.name = `${layer.kind}_${count}`;
  }
}
