// @ts-check
import { Random } from 'evenkeel';

/** @typedef {readonly [low: number, high: number]} Interval */

/** ln Γ(x) for x > 0, by Lanczos' approximation with the coefficients of Numerical Recipes, good to 2e-10. @param {number} x */
export function logGamma(x) {
  const coefficients = [76.18009172947146, -86.50532032941678, 24.01409824083091, -1.231739572450155, 0.1208650973866179e-2, -0.5395239384953e-5];
  const base = x + 5.5;
  const sum = coefficients.reduce((total, coefficient, i) => total + coefficient / (x + 1 + i), 1.000000000190015);
  return (x + 0.5) * Math.log(base) - base + Math.log((2.5066282746310007 * sum) / x);
}

/** Regularized incomplete beta function I_x(a, b): Lentz's continued fraction (Press et al., Numerical Recipes, section 6.4). @param {number} x @param {number} a @param {number} b @returns {number} */
export function incompleteBeta(x, a, b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  const tiny = 1e-300;
  const away = (/** @type {number} */ value) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return (front * fraction) / a;
}

/** The x at which I_x(a, b) is `p`, by bisection. @param {number} p @param {number} a @param {number} b */
function betaQuantile(p, a, b) {
  let [low, high] = [0, 1];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (incompleteBeta(middle, a, b) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Exact interval for a rate (Clopper and Pearson 1934). @param {number} count @param {number} of @param {number} [confidence] @returns {Interval} */
export function clopperPearson(count, of, confidence = 0.95) {
  const tail = (1 - confidence) / 2;
  return [count === 0 ? 0 : betaQuantile(tail, count, of - count + 1), count === of ? 1 : betaQuantile(1 - tail, count + 1, of - count)];
}

/**
 * McNemar's exact test, two-sided: how likely so uneven a split of the pairs that differ is, were both equally good.
 * @param {number} onlyFirst pairs in which the first alone succeeded @param {number} onlySecond
 */
export function mcnemar(onlyFirst, onlySecond) {
  const [n, k] = [onlyFirst + onlySecond, Math.min(onlyFirst, onlySecond)];
  if (n === 0) return 1;
  let tail = 0;
  for (let i = 0; i <= k; i++) tail += Math.exp(logGamma(n + 1) - logGamma(i + 1) - logGamma(n - i + 1) - n * Math.LN2);
  return Math.min(1, 2 * tail);
}

/** @param {readonly number[]} values */
export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** @param {readonly number[]} values NaN where there are none */
export const median = (values) => quantile(values, 0.5);

/** Quantile with linear interpolation. @param {readonly number[]} values @param {number} p */
export function quantile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = p * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * Percentile interval of a statistic, by drawing whole groups again (cluster bootstrap): networks on one data set are alike.
 * @template T
 * @param {readonly T[]} items @param {(item: T) => string} groupOf @param {(items: readonly T[]) => number} statistic
 * @param {{ readonly rounds?: number, readonly seed?: number, readonly confidence?: number }} [options]
 * @returns {Interval}
 */
export function bootstrap(items, groupOf, statistic, { rounds = 2000, seed = 1, confidence = 0.95 } = {}) {
  /** @type {Map<string, T[]>} */
  const groups = new Map();
  for (const item of items) groups.set(groupOf(item), [...(groups.get(groupOf(item)) ?? []), item]);
  const lists = [...groups.values()];
  if (lists.length === 0) return [Number.NaN, Number.NaN];
  const random = new Random(seed).stream('bootstrap');
  const values = [];
  for (let round = 0; round < rounds; round++) {
    const value = statistic(lists.flatMap(() => lists[random.integer(lists.length)] ?? []));
    if (Number.isFinite(value)) values.push(value);
  }
  const tail = (1 - confidence) / 2;
  return [quantile(values, tail), quantile(values, 1 - tail)];
}
