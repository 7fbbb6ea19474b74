import type { LayerFacts } from '../../vitals/facts.js';
import type { Examination, WatchedUse } from '../examination.js';
import { remedies } from '../remedies.js';
import { type Rule, sayLayers, unlearned } from '../rule.js';
import { behind, isBending } from '../uses.js';
import { straightMerges } from '../ways.js';

/** Layers that sum by a kernel, and are bent by an option of their own. */
const sums: ReadonlySet<string> = new Set(['dense', 'conv1d', 'conv2d', 'conv1dTranspose', 'conv2dTranspose']);
/** Layers that multiply and add by what is the same for all rows; of roles that do so alike. */
const straight: ReadonlySet<string> = new Set([
  ...['batchNormalization', 'rescaling', 'identity', 'activityRegularization', 'zeroPadding1d', 'zeroPadding2d'],
  ...['averagePooling1d', 'averagePooling2d', 'globalAveragePooling1d', 'globalAveragePooling2d'],
]);
const straightRoles: ReadonlySet<string> = new Set(['shape', 'noise']);

const isLinear = ({ activation }: LayerFacts): boolean => !isBending(activation);
const unitsOf = ({ shape }: LayerFacts): number => shape.at(-1) ?? 0;
const passes = (layer: LayerFacts): boolean =>
  straightRoles.has(layer.role) || straight.has(layer.kind) || (layer.role === 'activation' && isLinear(layer));

/** A hidden layer whose sums come to the next sums as they are. */
export interface Unbent {
  readonly use: WatchedUse;
  readonly next: LayerFacts;
}

/** Trained hidden layers that nothing bends before the next layer sums what they give. A narrow one between two wider ones has a use all the same: it bounds their rank. */
export function unbent({ hidden, facts, users }: Examination): Unbent[] {
  return hidden.flatMap((use): Unbent[] => {
    const { at, layer } = use;
    if (!sums.has(layer.kind) || !isLinear(layer) || !layer.trainable) return [];
    for (const { layer: next } of behind(facts, users, at)) {
      if (passes(next)) continue;
      const bounds = unitsOf(layer) < Math.min(layer.fanIn ?? Number.POSITIVE_INFINITY, unitsOf(next));
      return sums.has(next.kind) && !bounds ? [{ use, next }] : [];
    }
    return [];
  });
}

/** Whether nothing bends between the inputs and the last sums. */
function isOneLayer({ facts, uses }: Examination): boolean {
  const heads = new Set(uses.filter(({ head }) => head).map(({ at }) => at));
  return facts.layers.every(
    (layer, at) =>
      heads.has(at) ||
      ['input', 'normalization'].includes(layer.kind) ||
      passes(layer) ||
      (layer.role === 'merge' && straightMerges.has(layer.kind)) ||
      (sums.has(layer.kind) && isLinear(layer)),
  );
}

export const linearLayers: Rule = {
  id: 'linear-layers',
  leadsTo: unlearned,
  title: 'Layers without a nonlinearity between them',
  looksFor: 'hidden dense and convolutional layers with no activation before the next layer with weights',
  threshold:
    'none: it follows from the architecture. Two linear layers in a row are one linear layer, unless the first is narrower than both its input and the next layer, which limits the rank. A clear risk if the whole network has no nonlinearity: it then is one linear layer, whatever its depth',
  why: 'depth adds nothing: the network can separate no more than one layer can',
  remedies: [remedies.bendLayers],
  check(examination) {
    const found = unbent(examination);
    const [first] = found;
    if (!first) return [];
    const names = found.map(({ use }) => use.layer.name);
    const whole = isOneLayer(examination);
    const [give, next] = names.length > 1 ? ['have', 'the next layer'] : ['has', first.next.name];
    const so = whole ? ': the network is one linear layer, whatever its depth' : ` before ${next}`;
    return [
      {
        severity: 'risk',
        layers: names,
        step: 0,
        measured: { what: 'hidden layers without a nonlinearity', value: names.length },
        expected: { to: 0, why: 'consecutive layers without a nonlinearity are one layer' },
        margin: whole ? 2 : 1,
        cause: `${sayLayers(names)} ${give} no nonlinearity${so}`,
      },
    ];
  },
};
