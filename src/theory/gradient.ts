import type { Bend } from './bend.js';
import { atCorrelation } from './profile.js';
import { type Bending, overCorrelation, overDraws, type Signal, type Spread } from './signal.js';

/** A gradient over draws of weights; as a signal, from the outputs down. */
export interface Gradient extends Spread {
  /** Mean square over draws of the correlation between two rows' gradients. */
  readonly correlationSquare: number;
  /** d ln(gradient) / d ln q of the signal at this place, through all that follows it. */
  readonly sensitivity: number;
  /**
   * Share of its square that lies along the signal itself, times the width: 1 where gradients know nothing of the signal. Where sizes decide what
   * depth makes of a signal (d ln q' / d ln q far from 1), gradients turn towards it.
   */
  readonly radial: number;
  /** 1 where its sums of squares over the units fluctuate freely, less behind orthogonal weights. */
  readonly loose: number;
}

/** What the loss sends into the last sums: size 1; `correlationSquare` 0 for rows that have nothing in common. */
export function lossGradient(correlationSquare = 0): Gradient {
  return { log: 0, rowVariance: 0, sharedVariance: 0, correlationSquare, sensitivity: 0, radial: 1, loose: 1 };
}

/** Weights of a sum, as a gradient sees them. */
export interface SummingBack {
  /** Units that one unit feeds. */
  readonly fanOut: number;
  /** Mean square of one weight. */
  readonly weightSquare: number;
  /** The part of z's mean square that is W h. */
  readonly share: number;
  /** Width of h. */
  readonly width: number;
  readonly loose: number;
}

/** ∂L/∂h from ∂L/∂z, z = W h + b: fan_out · E[w²] times the mean square; h · ∂L/∂h is W h · ∂L/∂z, whatever the weights. */
export function throughSum(z: Gradient, { fanOut, weightSquare, share, width, loose }: SummingBack): Gradient {
  const along = share * z.radial + 1 - share;
  const grown = 1 + (along - 1) / width;
  return {
    ...z,
    log: z.log + Math.log(fanOut * weightSquare * grown),
    sensitivity: z.sensitivity * share,
    radial: along / grown,
    loose,
  };
}

/** Sum of what several uses send back, which have nothing in common: squares add up. At least one. */
export function gathered(gradients: readonly Gradient[]): Gradient {
  if (gradients.length === 1) return gradients[0] as Gradient;
  const largest = Math.max(...gradients.map(({ log }) => log));
  const parts = gradients.map(({ log }) => Math.exp(log - largest));
  const whole = parts.reduce((total, part) => total + part, 0);
  const weighted = (of: (gradient: Gradient) => number, power = 1): number =>
    gradients.reduce((total, gradient, i) => total + ((parts[i] ?? 0) / whole) ** power * of(gradient), 0);
  return {
    log: largest + Math.log(whole),
    rowVariance: weighted((g) => g.rowVariance, 2),
    sharedVariance: weighted((g) => g.sharedVariance, 2),
    correlationSquare: weighted((g) => g.correlationSquare),
    sensitivity: weighted((g) => g.sensitivity),
    radial: weighted((g) => g.radial),
    loose: 1,
  };
}

/** ∂L/∂z from ∂L/∂h, h = φ(z): χ's E[φ'²], and how a single layer's gain spreads. */
export interface GradientBending {
  readonly gradient: Gradient;
  readonly rowNoise: number;
  readonly sharedNoise: number;
  /** d ln E[φ'²] / d ln q. */
  readonly slope: number;
}

/** ∂L/∂z through φ, where ∂L/∂h is normal over the units, as sums by random weights are. */
export function throughBend(table: Bend, z: Signal, forward: Bending, h: Gradient): GradientBending {
  const { loose } = h;
  const { log, meanShare: share, width } = z;
  const logSlope = (at: number): number => table.logSlope(at, share);
  const kurtosis = table.at(log, share, (p) => p.slopeKurtosis);
  // Orthogonal weights fix Σ y², not each y⁴: what is left of φ'² still spreads freely.
  const fourth = (mean: number): number => 3 * kurtosis - mean - 2 * (1 - loose);
  const common = 1 + 2 * h.correlationSquare;
  const held = 1 + 2 * (1 - loose) * h.correlationSquare;
  const rowNoise = Math.max(0, fourth(1)) / width;
  const sharedNoise = Math.max(0, common * overCorrelation(z, (c) => table.at(log, share, (p) => atCorrelation(p.slopeSquares, c))) - held) / width;
  const step = Math.max(Math.sqrt(3 * z.rowVariance), 0.02);
  const slope = table.homogeneous ? 0 : (logSlope(log + step) - logSlope(log - step)) / (2 * step);
  const alike = overCorrelation(z, (c) => table.at(log, share, (p) => atCorrelation(p.slope, c) / p.slopeSquare));
  const { grown, radial } = turned(table, z, forward.gain, h.radial);
  return {
    gradient: {
      log: h.log + overDraws(z, logSlope) + Math.log(grown) - rowNoise / 2,
      rowVariance: h.rowVariance + rowNoise + h.sensitivity ** 2 * forward.rowNoise,
      sharedVariance: h.sharedVariance + sharedNoise + h.sensitivity ** 2 * forward.sharedNoise,
      correlationSquare: Math.min(1, alike ** 2 * h.correlationSquare + loose / width),
      sensitivity: slope + h.sensitivity * forward.gain,
      radial,
      loose: 1,
    },
    rowNoise,
    sharedNoise,
    slope,
  };
}

/** What the part along the signal does to a gradient's size, and what becomes of that part. */
function turned(table: Bend, { log, meanShare, width }: Signal, gain: number, along: number): { readonly grown: number; readonly radial: number } {
  if (width < 2) return { grown: 1, radial: 1 };
  const steepness = table.at(log, meanShare, (p) => p.steepness);
  const overlap = table.at(log, meanShare, (p) => p.overlap);
  const kept = gain ** 2 * Math.exp(table.logSquare(log, meanShare) - log - table.logSlope(log, meanShare));
  const part = Math.min(1, along / width);
  const across = (1 - part) / (width - 1);
  const grown = part * overlap + across * (width - overlap);
  if (!(grown > 0) || !Number.isFinite(grown) || !Number.isFinite(kept)) return { grown: 1, radial: 1 };
  return { grown, radial: (width * Math.max(0, part * kept + across * (steepness - kept))) / grown };
}

/** The whole spread of a gradient where the signal's own spread at that place counts too. */
export function withSignal(gradient: Gradient, { rowVariance, sharedVariance }: Spread): Spread {
  const factor = gradient.sensitivity ** 2;
  return {
    log: gradient.log,
    rowVariance: gradient.rowVariance + factor * rowVariance,
    sharedVariance: gradient.sharedVariance + factor * sharedVariance,
  };
}
