import type { Described } from '../../core/catalogue.js';
import { correlationPoint, trainableDepth } from '../../theory/correlation.js';
import { criticalPoint, depthScale, fixedPoint } from '../../theory/mean-field.js';
import type { NetworkFacts } from '../../vitals/facts.js';
import { bendBehind, usersOf } from '../uses.js';
import type { Bends } from './lookups.js';
import type { Forward } from './place.js';

/** A row of equal layers, each fed by the one before: what depth makes of their signals. */
export interface PhaseRun {
  /** Names of the layer uses. */
  readonly layers: readonly string[];
  readonly activation: string;
  /** σ_w² = fan_in · E[w²], σ_b². */
  readonly weightVariance: number;
  readonly biasVariance: number;
  /** Variance at which z settles: 0 where signals die out, null where they grow without end. */
  readonly fixedPoint: number | null;
  /** Whether it keeps whatever variance it gets; then `fixedPoint` is the one it starts with. */
  readonly kept: boolean;
  /** χ there. */
  readonly chi: number;
  readonly phase: 'ordered' | 'critical' | 'chaotic';
  /** Layers over which the gradient's mean square changes by a factor e; null for no bound. */
  readonly gradientDepthScale: number | null;
  /** About 6 ξ layers can be trained; null for no bound. */
  readonly trainableDepth: number | null;
  readonly suits: Suits;
}

/** What would suit an activation. */
export interface Suits {
  /** The initializer that `auto` draws by. */
  readonly auto: string;
  /** χ = 1 at q = 1; null where no such point exists. `stable`: a variance that strays comes back. */
  readonly critical: { readonly weightVariance: number; readonly biasVariance: number; readonly stable: boolean } | null;
}

/** Within this of 1, χ counts as 1: thousands of layers change a gradient by no more than e. */
const CRITICAL = 1e-3;
const FROM_ZERO = 1e-30;
const bound = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Rows of at least two equal layers. */
export function phaseRuns(facts: NetworkFacts, forward: readonly Forward[], bends: Bends): PhaseRun[] {
  const users = usersOf(facts);
  const rows: { key: string; uses: number[] }[] = [];
  facts.layers.forEach((layer, use) => {
    const own = forward[use];
    const activation = layer.activation;
    if (!own?.summing || !own.table || !own.z || !activation || own.summing.weights.scaledByData || own.summing.weightMean !== 0) return;
    const key = JSON.stringify([layer.kind, activation, own.summing.fanIn * own.summing.weightSquare, own.summing.biasSquare]);
    const last = rows.at(-1);
    const [before] = layer.inputs;
    if (last && last.key === key && before === last.uses.at(-1) && users[before ?? -1]?.length === 1) last.uses.push(use);
    else rows.push({ key, uses: [use] });
  });
  const known = new Map<string, Omit<PhaseRun, 'layers'>>();
  return rows.flatMap(({ key, uses }) => {
    const [head] = uses;
    const own = forward[head ?? -1];
    const activation = facts.layers[head ?? -1]?.activation;
    if (uses.length < 2 || !own || !activation) return [];
    const found = known.get(key) ?? phaseOf(own, activation, bends);
    known.set(key, found);
    return [{ layers: uses.map((use) => facts.layers[use]?.name ?? ''), ...found }];
  });
}

function phaseOf({ summing, table, z }: Forward, activation: Described, bends: Bends): Omit<PhaseRun, 'layers'> {
  if (!summing || !table || !z) throw new Error('a sequence of layers without weights');
  const variances = { weightVariance: summing.fanIn * summing.weightSquare, biasVariance: summing.biasSquare };
  const point = fixedPoint(table.phi, variances, Math.min(1e12, Math.max(1e-12, Math.exp(z.log))));
  const settles = point.kept || (point.q > 0 && Number.isFinite(point.q));
  const gradientScale = Math.abs(point.chi - 1) < 1e-9 ? Number.POSITIVE_INFINITY : depthScale(point.chi);
  // Where variances die or grow, a pair's correlation says nothing of what is left of them; the gradient does.
  const trainable = settles ? trainableDepth(correlationPoint(table.phi, variances, Math.max(FROM_ZERO, point.q))) : 6 * gradientScale;
  return {
    activation: activation.name,
    ...variances,
    fixedPoint: bound(point.q),
    kept: point.kept,
    chi: point.chi,
    phase: Math.abs(point.chi - 1) < CRITICAL ? 'critical' : point.chi < 1 ? 'ordered' : 'chaotic',
    gradientDepthScale: bound(gradientScale),
    trainableDepth: bound(trainable),
    suits: suitsOf(activation, bends),
  };
}

/** What would suit an activation. @throws Unknown where nothing is known of it. */
export function suitsOf(activation: Described, bends: Bends): Suits {
  const { initializer } = bends.activation(activation);
  const { weightVariance, biasVariance, slope } = criticalPoint(bends.of(activation).phi, 1);
  const exists = Number.isFinite(weightVariance) && biasVariance >= 0;
  return { auto: initializer, critical: exists ? { weightVariance, biasVariance, stable: slope <= 1 + 1e-6 } : null };
}

/** What would suit the sums of one use; undefined where they go through nothing that is known. */
export function suitsAt(facts: NetworkFacts, users: readonly (readonly number[])[], use: number, bends: Bends): string | undefined {
  const activation = bendBehind(facts, users, use);
  if (!activation) return 'glorotUniform';
  try {
    return bends.activation(activation).initializer;
  } catch {
    return undefined;
  }
}
