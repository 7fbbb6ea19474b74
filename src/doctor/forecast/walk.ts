import { ArgumentError, show } from '../../core/errors.js';
import {
  alphaDroppedOut,
  batchNormalized,
  droppedOut,
  type Effect,
  joined,
  layerNormalized,
  mixed,
  noisy,
  rmsNormalized,
  type Standardizing,
} from '../../theory/layers.js';
import { atDistance, batchLog, bend, centred, noSteps, ofSteps, rowsOf, type Signal, standardNormal, sum } from '../../theory/signal.js';
import type { NetworkFacts } from '../../vitals/facts.js';
import { usersOf } from '../uses.js';
import { Unknown } from './lookups.js';
import { entriesOf, type Forward, LINEAR, Place, passed, summingOf, type WalkOptions } from './place.js';
import { attendedBy, insideShare, pooledBy, walkedAlong } from './sequences.js';

/** Where SELU and alpha dropout send −∞. */
const FALLEN = -1.0507009873554805 * 1.6732632423543772;

/** Signals from inputs to outputs, by use. */
export function walkForward(facts: NetworkFacts, options: WalkOptions): Forward[] {
  const found: Forward[] = [];
  const users = usersOf(facts);
  facts.layers.forEach((layer, use) => {
    try {
      found.push(new Step(facts, users, found, options, layer, use).take());
    } catch (error) {
      if (!(error instanceof Unknown)) throw error;
      found.push({ why: error.message });
    }
  });
  return found;
}

class Step extends Place {
  take(): Forward {
    const { role } = this.layer;
    if (role === 'input') return this.#input();
    if (role === 'weights') return this.#weights();
    if (role === 'normalization') return this.#normalized();
    if (role === 'activation') return this.#bent(this.only());
    if (role === 'noise') return passed(this.#noise(this.only()));
    if (role === 'shape') return this.#moved();
    if (role === 'merge') return this.#merged();
    return this.#other();
  }

  #input(): Forward {
    const width = entriesOf(this.layer.shape);
    const data = this.options.inputs.find(({ layer }) => layer === this.use);
    if (!data) return { h: { ...standardNormal(width), stepCorrelation: 0, nextCorrelation: 0 }, factors: [] };
    const { mean, rms, featureMean, stepCorrelation, nextCorrelation } = data;
    if (!Number.isFinite(mean) || !(rms >= 0)) {
      throw new ArgumentError(
        `forecast: the data of input '${this.layer.name}' have mean ${show(mean)} and RMS ${show(rms)}; both must be finite numbers`,
        {
          argument: 'inputs',
          received: data,
        },
      );
    }
    if (rms === 0) throw new Unknown('its data are all 0');
    const correlation = Math.min(0.9999, Math.max(mean ** 2, (featureMean ?? 0) ** 2) / rms ** 2);
    return { h: { ...rowsOf(width, { mean, square: rms ** 2, correlation }), stepCorrelation, nextCorrelation }, factors: [] };
  }

  /** Its numbers in another order, or shape. */
  #moved(): Forward {
    const { kind, options } = this.layer;
    const x = this.only();
    if (kind === 'masking') return { h: x, factors: [1] };
    if (kind === 'repeatVector') return { h: { ...x, stepCorrelation: 1, nextCorrelation: 1 }, factors: [Number(options.n ?? 1)] };
    // What an input holds is known in the shape that it is given by the first layer that reshapes it.
    return { h: kind === 'reshape' && this.#asGiven() ? x : { ...x, ...noSteps }, factors: [1] };
  }

  /** Whether nothing lies between it and an input but what changes scales. */
  #asGiven(): boolean {
    let at = this.layer.inputs[0];
    for (let layer = this.facts.layers[at ?? -1]; layer; layer = this.facts.layers[at ?? -1]) {
      if (layer.role === 'input') return true;
      if (layer.role !== 'normalization' && layer.role !== 'noise' && layer.kind !== 'rescaling') return false;
      at = layer.inputs[0];
    }
    return false;
  }

  #weights(): Forward {
    const { fanIn, fanOut, kind, shape, options } = this.layer;
    const weights = this.moments('kernel');
    if (fanIn === undefined || fanOut === undefined || !weights) throw new Unknown(`its kind, '${kind}', is not covered by the theory`);
    if (weights.symmetric) throw new Unknown('all entries of its kernel have the same value, so all its units are identical');
    if (weights.identity) throw new Unknown('its kernel is the identity, not random weights');
    const entering = this.only();
    // Windows with weights of their own leave two places as alike as those that they look at were; strides take places from farther apart.
    const strides = Math.max(1, ...[options.strides ?? 1].flat().map(Number));
    const h = strides === 1 || entering.nextCorrelation === undefined ? entering : { ...entering, nextCorrelation: atDistance(entering, strides) };
    const bias = this.moments('bias') ?? { mean: 0, square: 0 };
    const width = entriesOf(shape);
    const tied = weights.orthogonal ? Math.max(0, 1 - width / fanIn) : 1;
    const inside = insideShare(this);
    const summing = { ...summingOf(fanIn, width, weights, bias, tied), fanIn: fanIn * inside };
    const summed = sum(h, summing);
    const z = weights.scaledByData
      ? { ...summed, log: 0, rowVariance: Math.max(0, summed.rowVariance - summed.sharedVariance), sharedVariance: 0 }
      : summed;
    if (z.log === Number.NEGATIVE_INFINITY) throw new Unknown('its pre-activations are 0 for every input');
    if (!Number.isFinite(z.log)) throw new Unknown('its weights or biases are too large for float64 to hold their squares');
    const rest = h.log + Math.log(summing.fanIn * weights.square);
    const share = bias.square > 0 || weights.mean !== 0 ? Math.min(1, Math.exp(rest - z.log)) : 1;
    const scale = weights.scaledByData ? Math.exp(z.log - summed.log) : 1;
    return { ...this.#bent(z), summing: { ...summing, weights: { ...weights, square: weights.square * scale }, share, fanOut: fanOut * inside } };
  }

  #bent(z: Signal): Forward {
    const activation = this.layer.activation ?? LINEAR;
    try {
      const table = this.options.bends.of(activation);
      const bending = bend(table, z);
      if (!Number.isFinite(bending.signal.log)) return { z, table, why: `'${activation.name}' is 0 for every input of this size` };
      return { z, h: bending.signal, bending, table };
    } catch (error) {
      if (!(error instanceof Unknown)) throw error;
      return { z, why: error.message };
    }
  }

  #normalized(): Forward {
    const { kind, options } = this.layer;
    if (kind === 'normalization') return this.#standardizedByData();
    const scale = this.moments('gamma') ?? this.moments('scale') ?? { mean: 1, square: 1 };
    const shift = this.moments('beta') ?? { mean: 0, square: 0 };
    const standardizing: Standardizing = {
      epsilon: Number(options.epsilon ?? 1e-3),
      scaleSquare: scale.square,
      shiftMean: shift.mean,
      shiftSquare: shift.square,
    };
    if (!(scale.square > 0)) throw new Unknown('its scale starts at 0, so it returns only its shift');
    const perRow: Readonly<Record<string, (x: Signal) => Effect>> = {
      layerNormalization: (x) => layerNormalized(x, standardizing),
      groupNormalization: (x) => layerNormalized(x, standardizing),
      rmsNormalization: (x) => rmsNormalized(x, { ...standardizing, epsilon: Number(options.epsilon ?? 1e-6) }),
      unitNormalization: (x) => rmsNormalized(x, { epsilon: 0, scaleSquare: 1 / x.width, shiftMean: 0, shiftSquare: 0 }),
      batchNormalization: (x) => batchNormalized(x, standardizing, this.options.rows),
    };
    const rule = Object.hasOwn(perRow, kind) ? perRow[kind] : undefined;
    if (!rule) throw new Unknown(`its kind, '${kind}', is not covered by the theory`);
    const input = this.found[this.layer.inputs[0] ?? -1]?.h;
    // Whatever comes in, what leaves has mean 0 and variance 1; only the gradient's factor stays unknown.
    const width = entriesOf(this.layer.shape);
    if (!input) return { h: { ...rule(standardNormal(width)).signal, log: Math.log(scale.square + shift.square) } };
    if (kind === 'batchNormalization' && input.correlation > 1 - 1e-6) throw new Unknown('all rows that it receives are identical');
    return passed(rule(input));
  }

  /** A layer that standardizes features by what the first fit sees, or by given moments. */
  #standardizedByData(): Forward {
    const { mean, variance } = this.layer.options;
    const width = entriesOf(this.layer.shape);
    if (!Array.isArray(mean) || !Array.isArray(variance)) {
      const x = this.found[this.layer.inputs[0] ?? -1]?.h;
      // As if all features had one mean.
      const steps = x ? ofSteps(x, (c) => centred({ correlation: c, meanShare: x.meanShare })) : noSteps;
      return { h: { ...standardNormal(width), ...steps }, factors: [1] };
    }
    const average = (values: readonly unknown[]): number => values.reduce<number>((total, x) => total + Number(x), 0) / Math.max(1, values.length);
    const spread = average(variance) > 0 ? average(variance) : 1;
    return passed({ ...affine(this.only(), 1 / Math.sqrt(spread), -average(mean) / Math.sqrt(spread)), gradient: 1 / spread, sensitivity: 0 });
  }

  #noise(x: Signal): Effect {
    const { kind, options } = this.layer;
    const none: Effect = { signal: x, gradient: 1, sensitivity: 0 };
    const rate = Number(options.rate ?? 0);
    if (kind === 'dropout') return droppedOut(x, rate);
    if (kind === 'alphaDropout') return rate === 0 ? none : alphaDroppedOut(x, rate, FALLEN);
    // Noise of mean 1 and variance rate/(1 − rate) has the moments of dropout's.
    if (kind === 'gaussianDropout') return droppedOut(x, rate);
    if (kind === 'gaussianNoise') return noisy(x, Number(options.stddev ?? 0) ** 2);
    throw new Unknown(`its kind, '${kind}', is not covered by the theory`);
  }

  #merged(): Forward {
    const { kind, inputs } = this.layer;
    const signals = inputs.map((_, i) => this.from(i));
    const factor = kind === 'average' ? 1 / inputs.length : 1;
    if (kind === 'add' || kind === 'average') {
      return {
        h: mixed(
          signals,
          signals.map(() => factor),
        ).signal,
        factors: inputs.map(() => factor ** 2),
      };
    }
    if (kind === 'subtract') return { h: mixed(signals, [1, -1]).signal, factors: [1, 1] };
    if (kind === 'concatenate') {
      const sizes = inputs.map((from) => entriesOf(this.facts.layers[from]?.shape ?? []));
      const whole = sizes.reduce((total, size) => total + size, 0);
      return {
        h: joined(
          signals,
          sizes.map((size) => size / whole),
        ),
        factors: inputs.map(() => 1),
      };
    }
    throw new Unknown(`its kind, '${kind}', is not covered by the theory`);
  }

  #other(): Forward {
    const { kind, options, shape } = this.layer;
    if (kind === 'simpleRnn') return walkedAlong(this);
    if (kind === 'multiHeadAttention') return attendedBy(this);
    if (/pooling[123]d$/i.test(kind)) return passed(pooledBy(this));
    if (kind === 'embedding') {
      const table = this.moments('embeddings');
      if (!table) throw new Unknown('its table has no initializer');
      if (!(table.square > 0)) throw new Unknown('its table is all 0');
      const width = entriesOf(shape);
      const correlation = table.mean ** 2 / table.square;
      // As if every word stood at a step with the same probability.
      const stepCorrelation = correlation + (1 - correlation) / Math.max(1, Number(options.inputDim ?? 1));
      const rows = rowsOf(width, { mean: table.mean, square: table.square, correlation });
      return { h: { ...rows, stepCorrelation, nextCorrelation: stepCorrelation }, factors: [] };
    }
    if (kind === 'rescaling' && typeof options.scale === 'number' && typeof options.offset === 'number') {
      const { scale, offset } = options;
      if (scale === 0) throw new Unknown('it multiplies by 0');
      return passed({ ...affine(this.only(), scale, offset), gradient: scale ** 2, sensitivity: 0 });
    }
    throw new Unknown(`its kind, '${kind}', is not covered by the theory`);
  }
}

/** scale · x + offset. */
function affine(x: Signal, scale: number, offset: number): { readonly signal: Signal } {
  const rms = Math.exp(x.log / 2);
  const mean = scale * x.meanShare * rms + offset;
  const square = scale ** 2 * rms ** 2 + 2 * scale * x.meanShare * rms * offset + offset ** 2;
  const own = (scale * rms) ** 2 / square;
  return {
    signal: {
      ...x,
      log: Math.log(square),
      rowVariance: x.rowVariance * own ** 2,
      sharedVariance: x.sharedVariance * own ** 2,
      meanShare: mean / Math.sqrt(square),
      correlation: Math.min(1, own * x.correlation + 1 - own),
      ...ofSteps(x, (c) => Math.min(1, own * c + 1 - own)),
    },
  };
}

/** RMS over a batch and the mean of a signal. */
export function sizesOf(signal: Signal): { readonly rms: number; readonly mean: number } {
  const rms = Math.exp(batchLog(signal) / 2);
  return { rms, mean: signal.meanShare * rms };
}
