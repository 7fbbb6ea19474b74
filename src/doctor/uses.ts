import type { Described } from '../core/catalogue.js';
import type { LayerFacts, NetworkFacts, Role } from '../vitals/facts.js';

/** Walks on the graph of a network's uses: what stands before and behind each. */

/** Uses by index: those that take each as an input. */
export function usersOf({ layers }: NetworkFacts): number[][] {
  const users: number[][] = layers.map(() => []);
  layers.forEach(({ inputs }, i) => {
    for (const from of inputs) users[from]?.push(i);
  });
  return users;
}

/** Uses behind one, from the nearest on, as long as each goes to one other alone. */
export function* behind(
  { layers }: NetworkFacts,
  users: readonly (readonly number[])[],
  use: number,
): Generator<{ readonly at: number; readonly layer: LayerFacts }> {
  for (let at = use; ; ) {
    const [next, ...others] = users[at] ?? [];
    const layer = next === undefined ? undefined : layers[next];
    if (next === undefined || !layer || others.length > 0) return;
    yield { at: next, layer };
    at = next;
  }
}

/** Uses that stand behind some of these, however far. */
export function allBehind({ layers }: NetworkFacts, uses: Iterable<number>): Set<number> {
  const [from, reached] = [new Set(uses), new Set<number>()];
  layers.forEach(({ inputs }, at) => {
    if (inputs.some((input) => from.has(input) || reached.has(input))) reached.add(at);
  });
  return reached;
}

/** Uses that some of these take something from, however far. */
export function allBefore({ layers }: NetworkFacts, uses: Iterable<number>): Set<number> {
  const [to, before] = [new Set(uses), new Set<number>()];
  for (let at = layers.length - 1; at >= 0; at--) {
    if (to.has(at) || before.has(at)) for (const from of layers[at]?.inputs ?? []) before.add(from);
  }
  return before;
}

/** Uses behind which no use with weights comes. */
export function headUses(facts: NetworkFacts): Set<number> {
  const { layers } = facts;
  const before = allBefore(
    facts,
    layers.flatMap(({ role }, at) => (role === 'weights' ? [at] : [])),
  );
  return new Set(layers.map((_, at) => at).filter((at) => !before.has(at)));
}

/** The most uses that count on one way through a network. */
export function longest({ layers }: Pick<NetworkFacts, 'layers'>, counts: (at: number) => boolean): number {
  const most: number[] = [];
  layers.forEach(({ inputs }, at) => {
    most.push(Math.max(0, ...inputs.map((from) => most[from] ?? 0)) + Number(counts(at)));
  });
  return most.reduce((a, b) => Math.max(a, b), 0);
}

const between: ReadonlySet<Role> = new Set<Role>(['normalization', 'noise', 'shape']);

/** The activation layer that the sums of a use go to, with normalization, noise and reshaping between. */
export function activationBehind(
  facts: NetworkFacts,
  users: readonly (readonly number[])[],
  use: number,
): { readonly at: number; readonly layer: LayerFacts } | undefined {
  for (const next of behind(facts, users, use)) {
    if (next.layer.role === 'activation') return next;
    if (!between.has(next.layer.role)) return undefined;
  }
  return undefined;
}

/** Whether an activation is there, and is not linear. */
export const isBending = (activation: Described | undefined): activation is Described => activation !== undefined && activation.name !== 'linear';

/** The activation that the sums of a use go through: its own, or one behind it. */
export function bendBehind(facts: NetworkFacts, users: readonly (readonly number[])[], use: number): Described | undefined {
  const own = facts.layers[use]?.activation;
  if (isBending(own)) return own;
  const found = activationBehind(facts, users, use)?.layer.activation;
  return isBending(found) ? found : undefined;
}

/** Layers that hand on what they receive as it is, in another shape, averaged, or with noise while it trains. */
const handsOn = ({ role, kind }: LayerFacts): boolean => role === 'shape' || role === 'noise' || kind === 'identity' || /averagePooling/i.test(kind);

/** Where an output is made: the last layer with weights, or activation, and what only hands on what that gives; undefined where others come in between. */
export function ending(
  { layers }: NetworkFacts,
  output: number,
): { readonly at: number; readonly layer: LayerFacts; readonly behind: readonly LayerFacts[] } | undefined {
  const behind: LayerFacts[] = [];
  for (let at = output, layer = layers[at]; layer !== undefined; at = layer.inputs[0] ?? -1, layer = layers[at]) {
    if (layer.role === 'weights' || layer.role === 'activation') return { at, layer, behind };
    if (!handsOn(layer)) return undefined;
    behind.push(layer);
  }
  return undefined;
}
