/** Statistics for tests of random numbers; nothing here uses the package. */

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return sum / values.length;
}

/** Mean of (x − m)^order, m being the mean. */
export function centralMoment(values: ArrayLike<number>, order: number): number {
  const centre = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += ((values[i] ?? 0) - centre) ** order;
  return sum / values.length;
}

export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - meanA) * ((b[i] ?? 0) - meanB);
  return sum / a.length / Math.sqrt(centralMoment(a, 2) * centralMoment(b, 2));
}

/** Standard normal distribution function: Marsaglia's series (2004), good to 1e-15 for |x| < 7. */
export function normalCdf(x: number): number {
  if (x < -7) return 0;
  if (x > 7) return 1;
  let [sum, term] = [x, x];
  for (let k = 3; Math.abs(term) > 1e-17; k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

/** Probability that samples of the distribution lie at least as far from it as these (Kolmogorov and Smirnov, asymptotic form). */
export function kolmogorovSmirnov(values: ArrayLike<number>, cdf: (x: number) => number): number {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  let distance = 0;
  sorted.forEach((x, i) => {
    const probability = cdf(x);
    distance = Math.max(distance, (i + 1) / n - probability, probability - i / n);
  });
  const t = distance * (Math.sqrt(n) + 0.12 + 0.11 / Math.sqrt(n));
  if (t < 0.3) return 1; // the series converges slowly there, and the value is 1 to 1e-5
  let p = 0;
  for (let k = 1; k <= 100; k++) p += 2 * (-1) ** (k - 1) * Math.exp(-2 * k * k * t * t);
  return Math.min(1, Math.max(0, p));
}

/** Probability that counts deviate at least so much from equal ones (Pearson's chi², by Wilson and Hilferty's normal approximation). */
export function chiSquared(counts: ArrayLike<number>): number {
  const expected = mean(counts);
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += ((counts[i] ?? 0) - expected) ** 2 / expected;
  const freedom = counts.length - 1;
  const z = (Math.cbrt(sum / freedom) - 1 + 2 / (9 * freedom)) / Math.sqrt(2 / (9 * freedom));
  return 1 - normalCdf(z);
}

/** How often each whole number below `kinds` occurs. */
export function tally(values: Iterable<number>, kinds: number): Uint32Array {
  const counts = new Uint32Array(kinds);
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
