import { normalGrid } from './normal.js';
import { ofSteps, overDraws, type Signal, type Summing, sum } from './signal.js';

/** What attention is at its start. */
export interface Attended {
  /** What it gives. */
  readonly signal: Signal;
  /** Deviation of one query's scores over the steps that it may look at: 0 looks at all alike. */
  readonly scoreDeviation: number;
  /** 1 / Σ a², its mean over queries: at how many steps one looks, as if at each of them alike. */
  readonly lookedAt: number;
}

/** The products of an attention layer: of one head's queries, keys and values, and of all heads' values by the output's kernel. */
export interface AttentionProducts {
  readonly query: Summing;
  readonly key: Summing;
  readonly value: Summing;
  readonly output: Summing;
}

/**
 * Scaled dot-product attention with weights as drawn: scores are normal over the steps, of variance q_Q q_K (1 − c) where c correlates two steps' keys;
 * what all scores of a query have in common a softmax does not see. What it gives is the values' mean square, times what a weighted mean leaves of it.
 * Vaswani et al. 2017, section 3.2.1; that steps grow alike in depth: Dong, Cordonnier and Loukas, "Attention is not all you need", 2021.
 * @param steps of the sequence that is looked at. @param causal whether a step looks at none after it.
 */
export function attended(query: Signal, looked: Signal, products: AttentionProducts, steps: number, causal: boolean): Attended {
  const [queries, keys, values] = [sum(query, products.query), sum(looked, products.key), sum(looked, products.value)];
  const apart = (x: Signal): number => Math.max(0, 1 - (x.stepCorrelation ?? 0));
  const variance = Math.exp(queries.log + keys.log) * apart(keys);
  // Lengths of queries and keys differ from one to the next.
  const spread = 2 / products.query.width + 2 / products.key.fanIn;
  const lengths = { log: Math.log(variance) - spread / 2, rowVariance: spread };
  const shares = overLengths(causal ? steps : 1, (i) => overDraws(lengths, (log) => focus(causal ? i : steps, Math.exp(log / 2))));
  const own = 1 - apart(values);
  // Steps are chosen for how far they reach along the query, and bring that along: E[Σ a s] is variance · (1 − Σ a²), by Stein.
  const chosen = (variance * (1 - shares) ** 2) / products.key.fanIn;
  const kept = own + (1 - own) * (shares + chosen);
  // Two queries' weights on one step follow each other as their scores do.
  const alike = (c: number): number => ((shares * steps) ** Math.max(0, Math.min(1, c)) / steps) * (1 - own) + own;
  const heads: Signal = {
    ...values,
    log: values.log + Math.log(kept),
    correlation: (values.correlation * alike(queries.correlation)) / kept,
    ...ofSteps(queries, (c) => Math.min(1, alike(c) / kept)),
    width: products.output.fanIn,
  };
  return { signal: sum(heads, products.output), scoreDeviation: Math.sqrt(variance), lookedAt: 1 / shares };
}

/** A mean over the first `count` lengths, from some of them. */
function overLengths(count: number, f: (length: number) => number): number {
  const knots = [...new Set(Array.from({ length: 17 }, (_, k) => Math.round(count ** (k / 16))))];
  let total = knots.length === 1 ? count * f(count) : f(1);
  for (let k = 1; k < knots.length; k++) {
    const [from, to] = [knots[k - 1] as number, knots[k] as number];
    const [low, high] = [f(from), f(to)];
    for (let i = from + 1; i <= to; i++) total += low + ((high - low) * (i - from)) / (to - from);
  }
  return total / count;
}

/** Beyond this deviation what is not looked at alone falls by its inverse. */
const WIDEST = 20;
/** Scores farther out weigh nothing. */
const FARTHEST = 8;
const { points: scores, shares } = normalGrid(FARTHEST);

/**
 * E[Σ a²], a = softmax of `count` independent N(0, deviation²) scores: 1 / count where they are alike, 1 where one outdoes all others. The
 * integral n ∫ u E[e^2s exp(−u e^s)] E[exp(−u e^s)]^(n − 1) du, since 1 / Z² = ∫ u e^(−u Z) du, over w = ln u.
 */
export function focus(count: number, deviation: number): number {
  if (count <= 1) return 1;
  if (deviation < 1e-4) return 1 / count;
  if (deviation > WIDEST) return 1 - ((1 - focus(count, WIDEST)) * WIDEST) / deviation;
  const [low, high] = [-Math.log(count) - 12 - FARTHEST * deviation, FARTHEST * deviation + 5];
  const width = Math.min(0.1, (high - low) / scores.length);
  let total = 0;
  for (let w = low; w <= high; w += width) {
    let [alone, others] = [0, 0];
    scores.forEach((x, i) => {
      const log = w + deviation * x;
      others += (shares[i] as number) * Math.exp(-Math.exp(log));
      alone += (shares[i] as number) * Math.exp(2 * log - Math.exp(log));
    });
    total += alone * others ** (count - 1) * width;
  }
  return Math.min(1, Math.max(1 / count, count * total));
}
