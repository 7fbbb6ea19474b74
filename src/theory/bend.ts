import type { ScalarFunction } from '../graph/evaluate.js';
import { type Profile, profile } from './profile.js';

/** Beyond these logarithms a function is taken to go on as a power; fourth powers still fit float64 here. */
const REACH = 300;
/** Distance of the table's nodes at q = 1, in ln q; farther out they lie wider apart. */
const STEP = 0.5;
const SPREAD = 8;

/**
 * A function's profiles over all sizes of its input: a table over ln of the input's mean square, filled where it is asked, cubic in between. It makes
 * forecasts of deep networks cheap.
 */
export class Bend {
  readonly phi: ScalarFunction;
  /** Whether φ(kx) = kφ(x) for k > 0, so that one node says all. */
  readonly homogeneous: boolean;
  readonly #nodes = new Map<string, Profile>();

  constructor(phi: ScalarFunction) {
    this.phi = phi;
    this.homogeneous = isHomogeneous(phi);
  }

  /** ln E[φ²] of x with E[x²] = e^log and mean `share` · √E[x²]. */
  logSquare(log: number, share: number): number {
    if (this.homogeneous) return Math.log(this.#node(0, share).square) + log;
    const outside = log - clamped(log);
    return this.#at(log, share, ({ square }) => Math.log(square)) + outside * this.#powerBeyond(log, share);
  }

  /** ln E[φ'²]. */
  logSlope(log: number, share: number): number {
    return this.at(log, share, ({ slopeSquare }) => Math.log(slopeSquare));
  }

  /** Any quantity of the profile that changes smoothly with the input's size. */
  at(log: number, share: number, quantity: (profile: Profile) => number): number {
    return this.homogeneous ? quantity(this.#node(0, share)) : this.#at(log, share, quantity);
  }

  #powerBeyond(log: number, share: number): number {
    const [edge, inside] = [Math.sign(log) * REACH, Math.sign(log) * (REACH - 1)];
    if (Math.abs(log) <= REACH) return 0;
    const of = (at: number): number => this.#at(at, share, ({ square }) => Math.log(square));
    return (of(edge) - of(inside)) / (edge - inside);
  }

  #at(log: number, share: number, quantity: (profile: Profile) => number): number {
    const place = clamped(log);
    const u = (SPREAD * Math.asinh(place / SPREAD)) / STEP;
    const first = Math.floor(u) - 1;
    const ats = [first, first + 1, first + 2, first + 3];
    const logs = ats.map(logAt);
    const values = ats.map((at) => quantity(this.#node(at, share)));
    if (!values.every(Number.isFinite)) return values[u - Math.floor(u) < 0.5 ? 1 : 2] ?? Number.NaN;
    let sum = 0;
    for (let i = 0; i < 4; i++) {
      let weight = 1;
      for (let j = 0; j < 4; j++) if (j !== i) weight *= (place - (logs[j] ?? 0)) / ((logs[i] ?? 0) - (logs[j] ?? 0));
      sum += weight * (values[i] ?? 0);
    }
    return sum;
  }

  #node(at: number, share: number): Profile {
    const near = Math.round(share * 1000) / 1000;
    const key = `${at}/${near}`;
    const known = this.#nodes.get(key);
    if (known) return known;
    const square = Math.exp(logAt(at));
    const found = profile(this.phi, near * Math.sqrt(square), Math.max(1 - near * near, 1e-6) * square);
    this.#nodes.set(key, found);
    return found;
  }
}

function logAt(at: number): number {
  return SPREAD * Math.sinh((at * STEP) / SPREAD);
}

function clamped(log: number): number {
  return Math.max(-REACH, Math.min(REACH, log));
}

function isHomogeneous({ value }: ScalarFunction): boolean {
  return [-1, 1].every((side) =>
    [1e-6, 0.03, 0.7, 3, 40, 1e6].every((k) => Math.abs(value(side * k) - k * value(side)) <= 1e-9 * k * Math.abs(value(side))),
  );
}
