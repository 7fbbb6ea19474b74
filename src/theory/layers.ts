import { largestLog, ofSteps, type Signal, type Steps } from './signal.js';

/** What a layer that sums no weights does to a signal, and by which factor it multiplies a gradient's mean square on its way down. */
export interface Effect {
  readonly signal: Signal;
  readonly gradient: number;
  /** d ln(gradient factor) / d ln q. */
  readonly sensitivity: number;
}

export interface Standardizing {
  /** Added to the variance. */
  readonly epsilon: number;
  /** Mean and mean square of the learned scale, and of the shift. */
  readonly scaleSquare: number;
  readonly shiftMean: number;
  readonly shiftSquare: number;
}

/**
 * Batch normalization: each unit less its mean over the batch, over its deviation. What two rows have in common goes, and with it a part c of the
 * variance; so a gradient grows by 1 / (q (1 − c)). Yang et al., "A mean field theory of batch normalization", 2019.
 */
export function batchNormalized(x: Signal, options: Standardizing, rows: number): Effect {
  const square = Math.exp(x.log);
  const variance = square * Math.max(0, 1 - x.correlation);
  const apart = rows > 1 ? -1 / (rows - 1) : 0;
  const rest = Math.max(1e-12, 1 - x.correlation);
  // Over many rows and places a mean is what two rows have in common.
  const steps = ofSteps(x, (c) => Math.max(-1, Math.min(1, (c - x.correlation) / rest)));
  return standardized(x, variance, { correlation: apart, correlationVariance: 1 / x.width, ...steps }, options, square);
}

/** Layer normalization: each row less its mean over the units, over its deviation. Also group normalization, to first order. */
export function layerNormalized(x: Signal, options: Standardizing): Effect {
  const square = Math.exp(x.log);
  const variance = square * (1 - x.meanShare ** 2);
  const rest = Math.max(1e-12, 1 - x.meanShare ** 2);
  const without = (c: number): number => Math.max(-1, Math.min(1, (c - x.meanShare ** 2) / rest));
  const rows = { correlation: without(x.correlation), correlationVariance: x.correlationVariance, ...ofSteps(x, without) };
  return standardized(x, variance, rows, options, square);
}

/** RMS normalization: each row over the root of its mean square; its mean stays. */
export function rmsNormalized(x: Signal, options: Standardizing): Effect {
  const square = Math.exp(x.log);
  const { signal, ...rest } = standardized(x, square, x, options, square);
  return { ...rest, signal: { ...signal, meanShare: x.meanShare } };
}

function standardized(
  x: Signal,
  variance: number,
  rows: Steps & Pick<Signal, 'correlation' | 'correlationVariance'>,
  { epsilon, scaleSquare, shiftMean, shiftSquare }: Standardizing,
  square: number,
): Effect {
  const kept = variance / (variance + epsilon);
  const own = kept * scaleSquare;
  const whole = own + shiftSquare;
  const tie = (c: number): number => (own * c + shiftSquare) / whole;
  return {
    signal: {
      ...x,
      log: Math.log(whole),
      rowVariance: 0,
      sharedVariance: 0,
      meanShare: shiftMean / Math.sqrt(whole),
      correlation: tie(rows.correlation),
      correlationVariance: rows.correlationVariance * (own / whole) ** 2,
      ...ofSteps(rows, tie),
      loose: 0,
    },
    gradient: scaleSquare / (variance + epsilon),
    sensitivity: square > 0 ? -kept : 0,
  };
}

/** Dropout: kept with probability 1 − rate and scaled by 1/(1 − rate): the mean stays, the square grows by 1/(1 − rate), and so does the gradient's. */
export function droppedOut(x: Signal, rate: number): Effect {
  const keep = 1 - rate;
  return {
    signal: {
      ...x,
      log: x.log - Math.log(keep),
      meanShare: x.meanShare * Math.sqrt(keep),
      correlation: x.correlation * keep,
      ...ofSteps(x, (c) => c * keep),
    },
    gradient: 1 / keep,
    sensitivity: 0,
  };
}

/** Alpha dropout: a share falls to `fallen`, then a · x + b keeps mean 0 and variance 1. Klambauer et al. 2017, section 3. */
export function alphaDroppedOut(x: Signal, rate: number, fallen: number): Effect {
  const keep = 1 - rate;
  const slope = (keep * (1 + rate * fallen ** 2)) ** -0.5;
  const shift = -slope * rate * fallen;
  const rms = Math.exp(x.log / 2);
  const inner = x.meanShare * rms * keep + fallen * rate;
  const mean = slope * inner + shift;
  const square = slope ** 2 * (keep * rms ** 2 + rate * fallen ** 2) + 2 * slope * shift * inner + shift ** 2;
  // Of two rows, and of two steps, each falls for itself.
  const tie = (c: number): number => {
    const shared = slope ** 2 * (keep ** 2 * rms ** 2 * c + 2 * keep * rate * fallen * x.meanShare * rms + (rate * fallen) ** 2);
    return Math.max(-1, Math.min(1, (shared + 2 * slope * shift * inner + shift ** 2) / square));
  };
  return {
    signal: {
      ...x,
      log: Math.log(square),
      meanShare: mean / Math.sqrt(square),
      correlation: tie(x.correlation),
      ...ofSteps(x, tie),
    },
    gradient: slope ** 2 * keep,
    sensitivity: 0,
  };
}

/** Noise of mean 0 and this variance, added. */
export function noisy(x: Signal, variance: number): Effect {
  return { ...mixed([x], [1], variance), gradient: 1, sensitivity: 0 };
}

/** How alike the steps of several signals taken together are, where it is known of each. */
function together(signals: readonly Signal[], mean: (of: (x: Signal) => number) => number): Steps {
  const of = (name: keyof Steps): number | undefined => (signals.every((x) => x[name] !== undefined) ? mean((x) => x[name] ?? 0) : undefined);
  return { stepCorrelation: of('stepCorrelation'), nextCorrelation: of('nextCorrelation') };
}

/** Σ kᵢ xᵢ of signals that have nothing in common but their means, such as a residual addition: squares add up. `variance` of noise on top. */
export function mixed(signals: readonly Signal[], factors: readonly number[], variance = 0): { readonly signal: Signal } {
  const unit = largestLog([...signals.map(({ log }) => log), Math.log(variance)]);
  const rms = signals.map((x) => Math.exp((x.log - unit) / 2));
  const means = signals.map((x, i) => (factors[i] ?? 1) * x.meanShare * (rms[i] ?? 0));
  const mean = means.reduce((total, x) => total + x, 0);
  const crossed = mean ** 2 - means.reduce((total, x) => total + x * x, 0);
  const squares = signals.map((_, i) => ((factors[i] ?? 1) * (rms[i] ?? 0)) ** 2);
  const whole = squares.reduce((total, x) => total + x, 0) + crossed + (variance > 0 ? variance * Math.exp(-unit) : 0);
  const weighted = (of: (x: Signal) => number, power = 1): number =>
    signals.reduce((total, x, i) => total + ((squares[i] ?? 0) / whole) ** power * of(x), 0);
  return {
    signal: {
      ...(signals[0] as Signal),
      log: unit + Math.log(whole),
      rowVariance: weighted((x) => x.rowVariance, 2),
      sharedVariance: weighted((x) => x.sharedVariance, 2),
      meanShare: mean / Math.sqrt(whole),
      correlation: weighted((x) => x.correlation) + crossed / whole,
      correlationVariance: weighted((x) => x.correlationVariance, 2),
      ...together(signals, (of) => weighted(of) + crossed / whole),
      width: Math.min(...signals.map((x) => x.width)),
      loose: 1,
    },
  };
}

/** Signals side by side, each with its share of the units. */
export function joined(signals: readonly Signal[], shares: readonly number[]): Signal {
  const unit = largestLog(signals.map(({ log }) => log));
  const squares = signals.map((x, i) => (shares[i] ?? 0) * Math.exp(x.log - unit));
  const whole = squares.reduce((total, x) => total + x, 0);
  const mean = signals.reduce((total, x, i) => total + (shares[i] ?? 0) * x.meanShare * Math.exp((x.log - unit) / 2), 0);
  const weighted = (of: (x: Signal) => number, power = 1): number =>
    signals.reduce((total, x, i) => total + ((squares[i] ?? 0) / whole) ** power * of(x), 0);
  return {
    log: unit + Math.log(whole),
    rowVariance: weighted((x) => x.rowVariance, 2),
    sharedVariance: weighted((x) => x.sharedVariance, 2),
    meanShare: mean / Math.sqrt(whole),
    correlation: weighted((x) => x.correlation),
    correlationVariance: weighted((x) => x.correlationVariance, 2),
    ...together(signals, weighted),
    width: signals.reduce((total, x) => total + x.width, 0),
    loose: 1,
  };
}
