import { isRecord } from '../core/expect.js';
import type { LayerFacts, NetworkFacts } from '../vitals/facts.js';

/** Whether what comes from an input is scaled before the first layer with weights, on all ways; what is looked up is no size that could be. */
export function isStandardized(facts: NetworkFacts, users: readonly (readonly number[])[], input: number): boolean {
  const reached = new Set([input]);
  let raw = false;
  for (const use of reached) {
    const layer = facts.layers[use];
    const next = users[use] ?? [];
    if (layer?.kind === 'embedding') return true;
    if (layer === undefined || scales(layer)) continue;
    const sums = layer.role === 'weights' || layer.weights.some(({ shape }) => shape.length > 1);
    raw ||= sums || next.length === 0;
    if (!sums) for (const at of next) reached.add(at);
  }
  return !raw;
}

/** Whether a layer standardizes or scales what it receives. */
const scales = (layer: LayerFacts): boolean => layer.role === 'normalization' || layer.kind === 'rescaling' || normalizesSteps(layer);

/** Whether a layer applies a normalization to every step. */
function normalizesSteps({ kind, options: { layer } }: LayerFacts): boolean {
  return kind === 'timeDistributed' && isRecord(layer) && /normalization$/i.test(String(layer.kind));
}
