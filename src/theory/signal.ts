import type { Bend } from './bend.js';
import { atCorrelation } from './profile.js';

/**
 * A signal over draws of weights, to second order in 1/width. Its size is the logarithm of one row's mean square, since gains multiply; rows share
 * their weights, so that a part of its spread is common to them.
 */
export interface Signal {
  /** Mean over draws of ln(mean square of one row). */
  readonly log: number;
  /** Variance of that logarithm over draws, and the part common to two rows. */
  readonly rowVariance: number;
  readonly sharedVariance: number;
  /** Mean over root mean square, with its sign. */
  readonly meanShare: number;
  /** E[x y] / E[x²] for two rows x, y, and its variance over draws. */
  readonly correlation: number;
  readonly correlationVariance: number;
  /** E[x y] / E[x²] for two steps of one row's sequence, or two places of its picture, on average; absent where it has none, or it is not known. */
  readonly stepCorrelation?: number | undefined;
  /** The same of two steps, or places, that are next to each other. */
  readonly nextCorrelation?: number | undefined;
  /** Number of units that fluctuate apart from each other. */
  readonly width: number;
  /** 1 where the units' sums of squares fluctuate freely; less behind orthogonal weights, 0 where these keep lengths exactly. */
  readonly loose: number;
}

/** How alike the steps of a row are. */
export type Steps = Pick<Signal, 'stepCorrelation' | 'nextCorrelation'>;

/** What becomes of the correlations of two steps, where they are known. */
export function ofSteps({ stepCorrelation, nextCorrelation }: Steps, tie: (c: number) => number): Steps {
  return {
    stepCorrelation: stepCorrelation === undefined ? undefined : tie(stepCorrelation),
    nextCorrelation: nextCorrelation === undefined ? undefined : tie(nextCorrelation),
  };
}

/** For rows without steps, and where it is not known how alike they are. */
export const noSteps: Steps = { stepCorrelation: undefined, nextCorrelation: undefined };

/** The correlation of two steps at a distance: it falls from that of neighbours to that of any two by the same factor for each step. */
export function atDistance({ stepCorrelation = 0, nextCorrelation = stepCorrelation }: Steps, distance: number): number {
  const rest = 1 - stepCorrelation;
  return rest > 1e-9 ? stepCorrelation + rest * Math.max(0, (nextCorrelation - stepCorrelation) / rest) ** distance : 1;
}

/** Rows of N(0, 1) numbers: what is assumed where nothing is known of the data. */
export function standardNormal(width: number): Signal {
  return rowsOf(width, { mean: 0, square: 1, correlation: 0 });
}

/** Rows of independent entries with these moments. */
export function rowsOf(width: number, moments: { readonly mean: number; readonly square: number; readonly correlation: number }): Signal {
  const { mean, square, correlation } = moments;
  const noise = (2 * (1 - correlation ** 2)) / width;
  return {
    log: Math.log(square) - noise / 2,
    rowVariance: noise,
    sharedVariance: 0,
    meanShare: square > 0 ? mean / Math.sqrt(square) : 0,
    correlation,
    correlationVariance: (1 - correlation ** 2) ** 2 / width,
    width,
    loose: 1,
  };
}

/** The spread of a logarithm over draws. */
export type Spread = Pick<Signal, 'log' | 'rowVariance' | 'sharedVariance'>;

/** Variance over draws of a row's logarithm that other rows do not share. */
function apart({ rowVariance, sharedVariance }: Spread): number {
  return Math.max(0, rowVariance - sharedVariance);
}

/** Relative variance of the mean of a batch's squares that comes from rows apart, as logarithms have it: rows are lognormal. */
function rowsNoise(spread: Spread, rows: number): number {
  return Math.log1p(Math.expm1(Math.min(600, apart(spread))) / rows);
}

/** ln of the mean square over a batch, mean over draws. Rows stray apart, and the largest weigh most; `rows` Infinity stands for a large batch. */
export function batchLog(spread: Spread, rows = Number.POSITIVE_INFINITY): number {
  return spread.log + (apart(spread) - rowsNoise(spread, rows)) / 2;
}

/** Variance over draws of ln of the mean square over a batch. */
export function batchVariance(spread: Spread, rows: number): number {
  return spread.sharedVariance + rowsNoise(spread, rows);
}

/** Share of a batch's noise that is left in its mean: 1 / rows where rows weigh alike, more where a few outweigh the others. */
export function rowShare(spread: Spread, rows: number): number {
  return Math.min(1, Math.exp(Math.min(600, apart(spread))) / rows);
}

/** Relative variance of a mean of squares over units and a batch, given what the units' sums are drawn from. */
export function unitNoise({ correlation, correlationVariance, meanShare, width, loose }: Signal, rows: number): number {
  const spread = (1 - meanShare ** 2) ** 2;
  return (2 * loose * spread * (correlation ** 2 + correlationVariance + 1 / rows)) / width;
}

/** Weights of a sum. */
export interface Summing {
  /** Units that feed one unit. */
  readonly fanIn: number;
  /** Of one weight: mean, and mean square. */
  readonly weightMean: number;
  readonly weightSquare: number;
  /** Mean and mean square of a bias. */
  readonly biasMean: number;
  readonly biasSquare: number;
  /** Units that sum. */
  readonly width: number;
  /** As in `Signal`. */
  readonly loose: number;
}

/** The largest of some logarithms of squares, as the unit of those squares; 0 where all of them are 0. */
export function largestLog(logs: readonly number[]): number {
  const largest = Math.max(...logs);
  return Number.isFinite(largest) ? largest : 0;
}

/** z = W h + b: fan_in · E[w²] times the mean square. A mean of the weights adds up over the inputs' mean. */
export function sum(h: Signal, { fanIn, weightMean, weightSquare, biasMean, biasSquare, width, loose }: Summing): Signal {
  // Squares are counted in units of the largest: deep networks leave float64's range.
  const unit = largestLog([h.log, Math.log(biasSquare)]);
  const square = Math.exp(h.log - unit);
  const scale = biasSquare > 0 ? Math.exp(-unit / 2) : 0;
  const added = { mean: biasMean * scale, square: biasSquare * scale ** 2 };
  const spread = weightSquare - weightMean ** 2;
  const mean = fanIn * weightMean * h.meanShare * Math.sqrt(square);
  const weighted = fanIn * spread * square + weightMean ** 2 * fanIn * square * (1 - h.meanShare ** 2) + mean ** 2;
  const whole = weighted + added.square + 2 * mean * added.mean;
  const share = whole > 0 ? weighted / whole : 0;
  const common = mean ** 2 + added.square + 2 * mean * added.mean;
  const tie = (c: number): number =>
    whole > 0 ? (fanIn * spread * square * c + weightMean ** 2 * fanIn * square * (c - h.meanShare ** 2) + common) / whole : c;
  return {
    log: unit + Math.log(whole) + (share * (1 - share) * h.rowVariance) / 2,
    rowVariance: share ** 2 * h.rowVariance,
    sharedVariance: share ** 2 * h.sharedVariance,
    meanShare: whole > 0 ? (mean + added.mean) / Math.sqrt(whole) : 0,
    correlation: tie(h.correlation),
    correlationVariance: share ** 2 * h.correlationVariance,
    ...ofSteps(h, tie),
    width,
    loose,
  };
}

/** What an activation does to a signal, and how its spread came about. */
export interface Bending {
  readonly signal: Signal;
  /** d ln E[φ²] / d ln q. */
  readonly gain: number;
  /** Relative variance of a mean of φ² over the units: of one row, and common to two. */
  readonly rowNoise: number;
  readonly sharedNoise: number;
  /** The same of mean φ² less mean z², each relative: what a single layer's gain fluctuates by. */
  readonly rowGainNoise: number;
  readonly sharedGainNoise: number;
}

/** Points and weights of Gauss and Hermite's rule of three. */
const POINTS = [
  [-Math.sqrt(3), 1 / 6],
  [0, 2 / 3],
  [Math.sqrt(3), 1 / 6],
] as const;

/** E[f(ln q)] over draws. */
export function overDraws({ log, rowVariance }: Pick<Signal, 'log' | 'rowVariance'>, f: (log: number) => number): number {
  if (!(rowVariance > 1e-12)) return f(log);
  return POINTS.reduce((total, [point, weight]) => total + weight * f(log + point * Math.sqrt(rowVariance)), 0);
}

/** Mean derivative over draws. */
function slopeOverDraws({ log, rowVariance }: Pick<Signal, 'log' | 'rowVariance'>, f: (log: number) => number): number {
  const step = Math.max(Math.sqrt(3 * rowVariance), 0.02);
  return (f(log + step) - f(log - step)) / (2 * step);
}

/** Correlation of the numbers less their means: what spectra take. */
export function centred({ correlation, meanShare }: Pick<Signal, 'correlation' | 'meanShare'>): number {
  const rest = 1 - meanShare ** 2;
  return rest > 1e-6 ? Math.max(-1, Math.min(1, (correlation - meanShare ** 2) / rest)) : 1;
}

/** A function of the correlation, averaged over its draws. */
export function overCorrelation(signal: Signal, f: (c: number) => number): number {
  const c = centred(signal);
  const step = Math.sqrt(signal.correlationVariance);
  return step < 1e-6 ? f(c) : (f(Math.min(1, c + step)) + f(Math.max(-1, c - step))) / 2;
}

/** h = φ(z), z normal. */
export function bend(table: Bend, z: Signal): Bending {
  const { log, meanShare: share, width, loose } = z;
  const logSquare = (at: number): number => table.logSquare(at, share);
  const gain = table.homogeneous ? 1 : slopeOverDraws(z, logSquare);
  const kurtosis = table.at(log, share, (p) => p.kurtosis);
  const quadratic = table.at(log, share, (p) => p.quadratic);
  const tied = (1 - loose) * quadratic ** 2;
  const common = (c: number): number => table.at(log, share, (p) => atCorrelation(p.squares, c, 1)) - tied * c * c;
  const rowNoise = Math.max(0, kurtosis - 1 - tied) / width;
  const sharedNoise = Math.max(0, overCorrelation(z, common)) / width;
  const cross = overCorrelation(z, (c) => c * c);
  const without = (whole: number, square: number): number => Math.max(0, whole + ((2 - 2 * Math.SQRT2 * quadratic) * loose * square) / width);
  const mapped = (c: number): number => table.at(log, share, (p) => atCorrelation(p.value, c) / p.square);
  const correlation = overCorrelation(z, mapped);
  const c = centred(z);
  const slope = (mapped(Math.min(1, c + 0.01)) - mapped(c - 0.01)) / (Math.min(1, c + 0.01) - (c - 0.01));
  const linear = table.at(log, share, (p) => (p.value[1] ?? 0) / p.square);
  const drift = overDraws(z, logSquare);
  const spread = overDraws(z, (at) => (logSquare(at) - drift) ** 2);
  return {
    signal: {
      log: drift - rowNoise / 2,
      rowVariance: spread + rowNoise,
      sharedVariance: gain ** 2 * z.sharedVariance + sharedNoise,
      meanShare: table.at(log, share, (p) => p.mean / Math.sqrt(p.square)),
      correlation,
      correlationVariance: slope ** 2 * z.correlationVariance + ((1 - correlation ** 2) ** 2 / width) * (1 - (1 - loose) * linear ** 2),
      ...ofSteps(z, (c) => mapped(centred({ correlation: c, meanShare: share }))),
      width,
      loose: 1,
    },
    gain,
    rowNoise,
    sharedNoise,
    rowGainNoise: without(rowNoise, 1),
    sharedGainNoise: without(sharedNoise, cross),
  };
}
