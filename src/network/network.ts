import type { DType, FloatDType } from '../core/dtype.js';
import { ArgumentError } from '../core/errors.js';
import type { StaticShape } from '../core/shape.js';
import { label, type Tensor } from '../graph/node.js';
import type { InitializerLike } from '../initializers.js';
import { callLayer, type Layer, type LayerCall, type Signal } from './layer.js';

/** An array of the network's state. */
export interface Variable {
  /** `dense_1/kernel`. */
  readonly name: string;
  readonly shape: StaticShape;
  readonly dtype: DType;
  /** Whether the gradient changes it. */
  readonly trainable: boolean;
  readonly initializer: InitializerLike;
  readonly layer: Layer;
  readonly weight: string;
}

/** Random numbers of one call: uniform in [0, 1), in the shape of a tensor; `path` says which call and which use. */
export type UniformSource = (like: Tensor, path: string) => Tensor;

export interface ForwardOptions {
  readonly training: boolean;
  /** Value of each variable, by name. */
  readonly values: ReadonlyMap<string, Tensor>;
  readonly uniform: UniformSource;
}

export interface ForwardResult {
  readonly outputs: readonly Tensor[];
  /** What statistics become after this step, by variable name. */
  readonly updates: ReadonlyMap<string, Tensor>;
  /** Output of every layer call. */
  readonly calls: ReadonlyMap<LayerCall, Tensor>;
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

  /** @throws ArgumentError where an input is missing or two layers have one name. */
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
    return this.layers.flatMap((layer) =>
      [...layer.weights].map(([weight, spec]) => ({
        name: `${layer.title}/${weight}`,
        shape: spec.shape,
        dtype: this.dtype,
        trainable: layer.trainable && spec.trainable !== false,
        initializer: spec.initializer,
        layer,
        weight,
      })),
    );
  }

  /** Writes the graph from input tensors (in the order of `inputs`) to outputs. */
  forward(inputs: readonly Tensor[], { training, values, uniform }: ForwardOptions): ForwardResult {
    const known = new Map<Signal, Tensor>(this.inputs.map((signal, i) => [signal, inputs[i] as Tensor]));
    const updates = new Map<string, Tensor>();
    const calls = new Map<LayerCall, Tensor>();
    const times = new Map<Layer, number>();
    for (const call of this.calls) {
      const { layer } = call;
      const time = times.get(layer) ?? 0;
      times.set(layer, time + 1);
      if (known.has(call.output)) {
        calls.set(call, known.get(call.output) as Tensor);
        continue;
      }
      const output = callLayer(
        layer,
        call.inputs.map((signal) => known.get(signal) as Tensor),
        {
          training,
          dtype: this.dtype,
          weight: (owner, name) => values.get(`${owner.title}/${name}`) as Tensor,
          update: (owner, name, next) => updates.set(`${owner.title}/${name}`, next),
          uniform: (like, use) => uniform(like, `${layer.title}/${time}/${use}`),
        },
      );
      label([output, ...updates.values()], layer.title);
      known.set(call.output, output);
      calls.set(call, output);
    }
    return { outputs: this.outputs.map((signal) => known.get(signal) as Tensor), updates, calls };
  }
}

/** Calls that the outputs need, each after those it uses. */
function orderCalls(inputs: readonly Signal[], outputs: readonly Signal[]): LayerCall[] {
  const done = new Set<LayerCall>();
  const order: LayerCall[] = [];
  for (const signal of inputs) {
    if (signal.call.inputs.length > 0)
      throw new ArgumentError(`inputs of a model come from layers.input; got the output of ${signal.call.layer.title}`, { argument: 'inputs' });
    if (done.has(signal.call)) throw new ArgumentError('the same input is given twice', { argument: 'inputs' });
    done.add(signal.call);
    order.push(signal.call);
  }
  const stack = outputs.map((signal) => ({ call: signal.call, next: 0 })).reverse();
  while (stack.length > 0) {
    const top = stack[stack.length - 1] as { call: LayerCall; next: number };
    const before = top.call.inputs[top.next++];
    if (done.has(top.call)) stack.pop();
    else if (before) {
      if (!done.has(before.call)) stack.push({ call: before.call, next: 0 });
    } else {
      if (top.call.inputs.length === 0) {
        throw new ArgumentError(`the outputs need the input '${top.call.layer.title}', which is not among the model's inputs`, {
          argument: 'inputs',
        });
      }
      done.add(top.call);
      order.push(top.call);
      stack.pop();
    }
  }
  return order;
}

/** Names layers that have none: `dense_1`, `dense_2`, counted per kind. */
function nameLayers(layers: readonly Layer[]): void {
  const taken = new Set<string>();
  for (const { name, kind } of layers) {
    if (name === undefined) continue;
    if (taken.has(name))
      throw new ArgumentError(`two layers are named '${name}'; names of layers in a model must differ`, {
        argument: 'name',
        received: name,
        layer: kind,
      });
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
