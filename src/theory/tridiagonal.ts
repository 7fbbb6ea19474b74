/** A symmetric matrix whose entries lie on its diagonal and beside it, such as Lanczos's iteration gives. */
export interface Tridiagonal {
  readonly diagonal: readonly number[];
  /** One entry less: the i-th stands between rows i and i + 1. */
  readonly beside: readonly number[];
}

/** Keeps quotients finite where a pivot is 0. */
const TINY = 1e-300;
/** Halvings after which no double lies between. */
const HALVINGS = 1100;

/** How many eigenvalues are below x: the negative pivots of what is left when x is taken from the diagonal (Sylvester's law of inertia). */
function below({ diagonal, beside }: Tridiagonal, x: number): number {
  let count = 0;
  let pivot = 1;
  diagonal.forEach((entry, i) => {
    const link = i === 0 ? 0 : (beside[i - 1] ?? 0);
    pivot = entry - x - (link * link) / (pivot || TINY);
    if (pivot < 0) count++;
  });
  return count;
}

/** The least and the largest eigenvalue, by bisection (Givens 1954). NaN where there is none, or an entry is not finite. */
export function extremeEigenvalues(matrix: Tridiagonal): { readonly least: number; readonly largest: number } {
  const { diagonal, beside } = matrix;
  const size = diagonal.length;
  const radii = diagonal.map((_, i) => Math.abs(beside[i - 1] ?? 0) + Math.abs(beside[i] ?? 0));
  // Gershgorin's circles hold them all.
  const low = Math.min(...diagonal.map((entry, i) => entry - (radii[i] ?? 0)));
  const high = Math.max(...diagonal.map((entry, i) => entry + (radii[i] ?? 0)));
  if (size === 0 || !Number.isFinite(high - low)) return { least: Number.NaN, largest: Number.NaN };
  return { least: lastWhere((x) => below(matrix, x) < 1, low, high), largest: lastWhere((x) => below(matrix, x) < size, low, high) };
}

/** The last number between two for which `holds`, which turns false but once. */
function lastWhere(holds: (x: number) => boolean, low: number, high: number): number {
  let [inside, outside] = [low, high];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = inside + (outside - inside) / 2;
    if (middle === inside || middle === outside) break;
    if (holds(middle)) inside = middle;
    else outside = middle;
  }
  return inside;
}
