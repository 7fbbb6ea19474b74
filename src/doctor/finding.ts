/** `ill`: training suffers. `risk`: unwise, but training may succeed. Only `ill` is an alarm. */
export type Severity = 'ill' | 'risk';

/** A number with what it measures. */
export interface Quantity {
  /** `gradient RMS, first layer over last`. */
  readonly what: string;
  readonly value: number;
}

/** The range that a quantity should lie in: from, to, or both. */
export interface Expectation {
  readonly from?: number;
  readonly to?: number;
  /** Reason for these limits, in a few words: `±2 standard errors of the forecast`. */
  readonly why: string;
}

/** One change that may answer a finding. */
export interface RemedyHint {
  /** Stable id: `suiting-initializer`. */
  readonly id: string;
  /** An imperative phrase: `initialize the kernels with 'lecunNormal'`. */
  readonly what: string;
  /** What it changes, cheapest first: the data, the training, the weights, the architecture. */
  readonly cost: 'data' | 'training' | 'weights' | 'architecture';
}

/** One thing that is wrong or unwise, as data. */
export interface Finding {
  /** Id of the rule. */
  readonly rule: string;
  readonly severity: Severity;
  /** Names of the layer uses it concerns; empty if it concerns the whole training. */
  readonly layers: readonly string[];
  /** Step at which it was seen: that of what was measured, the last observed one for most rules; 0 before the first step. */
  readonly step: number;
  readonly measured: Quantity;
  readonly expected: Expectation;
  /** How far the measured value is beyond the threshold: 1 at the threshold, 10 for ten times. */
  readonly margin: number;
  /**
   * Probability that training suffers, from 0 to 1: that the network ends below nine tenths of what the best healthy one of its size reaches. By rule,
   * severity and margin, as counted among networks that were drawn at random and trained (`npm run bench -- confidence`).
   */
  readonly confidence: number;
  /** The cause in one sentence, with its numbers. */
  readonly cause: string;
  /** Cheapest first. */
  readonly remedies: readonly RemedyHint[];
}
