import { describeEntry } from '../core/catalogue.js';
import type { Initializer } from '../initializers.js';
import type { LayerFacts, NetworkFacts, WeightFacts } from '../vitals/facts.js';
import type { Layer, LayerCall } from './layer.js';
import type { Network, Variable } from './network.js';

/** Options that facts hold elsewhere. */
const told = /^(activation|function)$|initializer$/i;

/** A network as data: one entry for each layer call, in order. */
export function factsOf(network: Network): NetworkFacts {
  const { calls, inputs, outputs, dtype } = network;
  const weights = weightsOf(network.variables);
  const uses = new Map<Layer, number>();
  const places = new Map(calls.map((call, at) => [call, at]));
  const at = (call: LayerCall): number => places.get(call) ?? -1;
  return {
    dtype,
    layers: calls.map((call): LayerFacts => {
      const { layer } = call;
      const use = (uses.get(layer) ?? 0) + 1;
      uses.set(layer, use);
      const own = weights.get(layer) ?? [];
      const kernel = layer.role === 'weights' ? own.find(({ name, shape }) => name === 'kernel' && shape.length >= 2) : undefined;
      return {
        name: use === 1 ? layer.title : `${layer.title}#${use}`,
        layer: layer.title,
        kind: layer.kind,
        role: layer.role,
        inputs: call.inputs.map((signal) => at(signal.call)),
        shape: call.output.shape.slice(1).map((dim) => (typeof dim === 'number' ? dim : null)),
        trainable: layer.trainable,
        weights: own,
        ...(layer.activation ? { activation: describeEntry(layer.activation) } : {}),
        ...(kernel ? layer.fans(kernel.shape) : {}),
        options: optionsOf(layer),
      };
    }),
    inputs: inputs.map((signal) => at(signal.call)),
    outputs: outputs.map((signal) => at(signal.call)),
  };
}

function weightsOf(variables: readonly Variable[]): Map<Layer, WeightFacts[]> {
  const found = new Map<Layer, WeightFacts[]>();
  for (const { layer, weight, shape, trainable, initializer } of variables) {
    const facts = { name: weight, shape, trainable, initializer: describeEntry(initializer as Initializer) };
    found.set(layer, [...(found.get(layer) ?? []), facts]);
  }
  return found;
}

/** What the layer's config holds beside activation and initializers; a layer of the user's own may hold what is no data. */
function optionsOf(layer: Layer): Readonly<Record<string, unknown>> {
  const entries = Object.entries(layer.config()).filter(([key, value]) => !told.test(key) && isData(value));
  return Object.fromEntries(entries);
}

function isData(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isData);
  return typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isData);
}
