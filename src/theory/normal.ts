/** P(Z ≤ x) for Z ~ N(0, 1), to about 15 digits: a series near 0, Laplace's continued fraction in the tails. */
export function normalCdf(x: number): number {
  if (x === 0) return 0.5;
  const size = Math.abs(x);
  const tail = size < 3 ? 0.5 - series(size) : fraction(size);
  return x < 0 ? tail : 1 - tail;
}

/** The integral of the density from 0 to x. */
function series(x: number): number {
  let [term, sum] = [x, x];
  for (let k = 1; Math.abs(term) > 1e-17 * sum; k++) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return sum * density(x);
}

/** The upper tail. */
function fraction(x: number): number {
  if (!Number.isFinite(x)) return 0;
  let below = x;
  for (let k = 120; k > 0; k--) below = x + k / below;
  return density(x) / below;
}

/** The density of N(0, 1). */
export const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** Points a tenth apart from −farthest to farthest, and the share of N(0, 1) at each: sums over them are integrals, for what is smooth at that scale. */
export function normalGrid(farthest: number): { readonly points: readonly number[]; readonly shares: readonly number[] } {
  const points = Array.from({ length: Math.round(2 * farthest * PER_UNIT) + 1 }, (_, i) => i / PER_UNIT - farthest);
  return { points, shares: points.map((x) => density(x) / PER_UNIT) };
}

/** Points of a grid in an interval of length 1. */
export const PER_UNIT = 10;
