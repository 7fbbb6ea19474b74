import { unlessRefused } from '../core/expect.js';
import type { Layout } from '../network/network.js';
import { networkEntries, stateEntries } from '../training/step.js';
import { takesSeed } from '../training/update.js';
import { type Describable, toConfig } from './config.js';

/** What no program depends on: what arrays begin with is fed to it, and so is the rate of each step. */
const isFed = (key: string): boolean => /initializer$/i.test(key) || key === 'learningRate';

/**
 * What a model's programs depend on beside the types of its data, as text: its description without what is fed, and how its arrays lie (equal layers in a row
 * lie together only if they begin alike). Undefined where functions of the user's own are in it, of which a description has no more than the names.
 * @param trains whether it is of programs that take steps: the others know nothing of the optimizer.
 */
export function structureOf(model: Describable, layout: Layout, trains: boolean): string | undefined {
  // A layer of the user's own may hold what is no data.
  const described = unlessRefused(() => toConfig(model));
  if (!described) return undefined;
  const { network } = model;
  const optimizer = trains && model.isCompiled ? model.compiled.optimizer : undefined;
  const { name: _, ...description } = described;
  const left = (key: string, value: unknown): unknown => (isFed(key) || (key === 'optimizer' && !trains) ? undefined : value);
  const text = JSON.stringify(description, left);
  if (text.includes('"custom":true')) return undefined;
  const entries = optimizer ? stateEntries(network, optimizer, layout) : networkEntries(network, layout);
  const lie = entries.map(({ name, shape, dtype, parts }) => [name, shape, dtype, parts?.map((part) => part.name)]);
  // Gradients begin with the rate where that does not begin at 0.
  return JSON.stringify([text, lie, optimizer && takesSeed(optimizer)]);
}
