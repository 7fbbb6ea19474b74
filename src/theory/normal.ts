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

const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
