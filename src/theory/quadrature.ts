import { density } from './normal.js';

/** Nodes above 0 of the 15-point Kronrod rule on [−1, 1], from the outside in, with its weights; every second one belongs to Gauss's 7-point rule. */
const NODES = [
  0.9914553711208126, 0.9491079123427585, 0.8648644233597691, 0.7415311855993945, 0.5860872354676911, 0.4058451513773972, 0.20778495500789848,
];
const KRONROD = [
  0.022935322010529224, 0.06309209262997856, 0.10479001032225019, 0.14065325971552592, 0.1690047266392679, 0.19035057806478542, 0.20443294007529889,
];
const KRONROD_CENTRE = 0.20948214108472782;
const GAUSS = [0, 0.1294849661688697, 0, 0.27970539148927664, 0, 0.3818300505051189, 0];
const GAUSS_CENTRE = 0.4179591836734694;

/** Share of the whole by which a panel's two rules may differ. */
const TOLERANCE = 1e-13;
/** A jump inside a panel is halved down to this share of the panel's width. */
const DEEPEST = 44;

interface Panel {
  readonly from: number;
  readonly to: number;
  readonly value: number;
  readonly error: number;
}

function measure(f: (z: number) => number, from: number, to: number): Panel {
  const half = (to - from) / 2;
  const centre = from + half;
  const middle = f(centre);
  let kronrod = KRONROD_CENTRE * middle;
  let gauss = GAUSS_CENTRE * middle;
  for (let i = 0; i < NODES.length; i++) {
    const shift = half * (NODES[i] ?? 0);
    const both = f(centre - shift) + f(centre + shift);
    kronrod += (KRONROD[i] ?? 0) * both;
    gauss += (GAUSS[i] ?? 0) * both;
  }
  return { from, to, value: half * kronrod, error: Math.abs(half * (kronrod - gauss)) };
}

/** The integral over one panel, halved where its rules differ by more than `allowed`: kinks and jumps end up between panels. */
function refine(f: (z: number) => number, panel: Panel, allowed: number, depth: number): number {
  if (!(panel.error > allowed) || depth >= DEEPEST) return panel.value;
  const middle = panel.from + (panel.to - panel.from) / 2;
  return refine(f, measure(f, panel.from, middle), allowed, depth + 1) + refine(f, measure(f, middle, panel.to), allowed, depth + 1);
}

/** The normal density is 0 in float64 beyond. */
const FARTHEST = 38;

/** Where panels begin, for one half line: at 0, doubling in z, and doubling in x = √q·z, so that a bend near x = 1 is seen at any q. */
function edges(deviation: number): number[] {
  const inX = Array.from({ length: 12 }, (_, i) => 2 ** (i - 4) / deviation);
  return [0, ...inX, 1, 2, 4, 6, 9, 13, 19, 27, FARTHEST].filter((z) => z <= FARTHEST).sort((a, b) => a - b);
}

/**
 * E[f(√variance · z, z)] for z ~ N(0, 1): adaptive quadrature (Gauss and Kronrod, 7 and 15 points), the half lines apart, to about 12 digits where
 * f is continuous. Kinks and jumps may lie anywhere.
 */
export function gaussianMean(f: (x: number, z: number) => number, variance: number): number {
  const deviation = Math.sqrt(variance);
  const weighted = (z: number): number => {
    const weight = density(z);
    return weight === 0 ? 0 : f(deviation * z, z) * weight;
  };
  const cuts = edges(deviation);
  const panels = cuts.slice(1).flatMap((to, i) => {
    const from = cuts[i] ?? 0;
    return to > from ? [measure(weighted, from, to), measure(weighted, -to, -from)] : [];
  });
  const size = panels.reduce((sum, { value }) => sum + Math.abs(value), 0);
  if (!Number.isFinite(size)) return panels.reduce((sum, { value }) => sum + value, 0);
  return panels.reduce((sum, panel) => sum + refine(weighted, panel, TOLERANCE * size, 0), 0);
}

/** Nodes and weights for means under N(0, 1): Σ weight · f(node). */
export interface Rule {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

/** Beyond this the normal density no longer counts where a rule is fixed. */
const FIXED_REACH = 9;

/**
 * A fixed rule for means under N(0, 1): Kronrod's 15 points on panels of width 1 between −9 and 9, cut at the given places as well, so that kinks
 * there cost no accuracy. For spectra and tables, which take many means of one function.
 */
export function normalRule(kinks: readonly number[]): Rule {
  const whole = Array.from({ length: 2 * FIXED_REACH + 1 }, (_, i) => i - FIXED_REACH);
  const cuts = [...new Set([...whole, ...kinks.filter((z) => Math.abs(z) < FIXED_REACH)])].sort((a, b) => a - b);
  const panels = cuts.slice(1).map((to, i) => [cuts[i] ?? 0, to] as const);
  const size = panels.length * 15;
  const rule = { nodes: new Float64Array(size), weights: new Float64Array(size) };
  let at = 0;
  const put = (node: number, weight: number): void => {
    rule.nodes[at] = node;
    rule.weights[at++] = weight * density(node);
  };
  for (const [from, to] of panels) {
    const half = (to - from) / 2;
    const centre = from + half;
    put(centre, half * KRONROD_CENTRE);
    NODES.forEach((node, i) => {
      put(centre - half * node, half * (KRONROD[i] ?? 0));
      put(centre + half * node, half * (KRONROD[i] ?? 0));
    });
  }
  return rule;
}
