import type { Activation } from '../activations.js';
import type { Role } from '../vitals/facts.js';
import type { Layer, LayerCall, Signal } from './layer.js';

/** Layers that stand between sums and their activation without changing what it is. */
const between: ReadonlySet<Role> = new Set<Role>(['normalization', 'noise', 'shape']);

/**
 * The activation that the sums of each layer with weights go through: its own, or that of a layer of its own behind it, with normalization, noise
 * and reshaping between. Absent where they go through none, or on several ways.
 */
export function activationsOf(calls: readonly LayerCall[]): Map<Layer, Activation> {
  const users = new Map<Signal, LayerCall[]>();
  for (const call of calls) for (const signal of call.inputs) users.set(signal, [...(users.get(signal) ?? []), call]);
  const found = new Map<Layer, Activation>();
  for (const call of calls) {
    const { layer } = call;
    if (layer.role === 'activation' || found.has(layer)) continue;
    const activation = bends(layer) ? layer.activation : isWeighted(layer) ? following(call.output, users) : undefined;
    if (activation) found.set(layer, activation);
  }
  return found;
}

/** Whether what a layer gives is sums by its weights, or by those of the one layer inside of it. */
function isWeighted({ role, inside }: Layer): boolean {
  const [inner] = inside;
  return role === 'weights' || (inner !== undefined && inside.length === 1 && isWeighted(inner));
}

function bends({ activation }: Layer): boolean {
  return activation !== undefined && activation.name !== 'linear';
}

function following(signal: Signal, users: ReadonlyMap<Signal, readonly LayerCall[]>): Activation | undefined {
  const next = users.get(signal) ?? [];
  const [call] = next;
  if (!call || next.length > 1) return undefined;
  if (call.layer.role === 'activation' && bends(call.layer)) return call.layer.activation;
  return between.has(call.layer.role) ? following(call.output, users) : undefined;
}
