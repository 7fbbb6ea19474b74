import { ArgumentError } from '../core/errors.js';
import { sizeOf } from '../core/shape.js';
import type { ScalarFunction } from '../graph/evaluate.js';
import { type CriticalPoint, criticalPoint } from '../theory/mean-field.js';
import { type Drawing, fill, type Initializer, type Nonlinearity, type Warn } from './initializer.js';
import { longerSide, orthogonal } from './orthogonal.js';
import { computeFans, type Distribution, scaled, spread } from './scaled.js';

const linear: Nonlinearity = { name: 'linear', initializer: 'glorotUniform', scalar: () => ({ value: (x) => x, slope: () => 1 }) };

/** An initializer that depends on the activation; without one, on the identity's. */
function suited(draw: (activation: Nonlinearity) => Initializer['sample']): Drawing {
  return { sample: draw(linear), suit: (activation) => ({ sample: draw(activation) }) };
}

export type CriticalDistribution = Distribution | 'orthogonal';

/** Weights and biases by which a variance q of the layer's sums and the gradient's size are both kept (χ = 1), for the activation and the fans at hand. */
export function critical(q: number, distribution: CriticalDistribution): Drawing {
  const drawing = suited((activation) => {
    let point: CriticalPoint | undefined;
    return (shape, random, warn, fans) => {
      point ??= pointFor(activation, q, warn);
      const { weightVariance, biasVariance } = point;
      if (shape.length < 2) return fill(sizeOf(shape), () => random.normal(0, Math.sqrt(biasVariance)));
      const deviation = Math.sqrt(weightVariance / Math.max(1, (fans ?? computeFans(shape)).fanIn));
      const draw = distribution === 'orthogonal' ? orthogonal(deviation * Math.sqrt(longerSide(shape))) : spread(deviation, distribution);
      return draw(shape, random);
    };
  });
  return { ...drawing, drawsBiases: true };
}

function pointFor(activation: Nonlinearity, q: number, warn?: Warn): CriticalPoint {
  const { name, initializer } = activation;
  const details = { argument: 'kernelInitializer', received: 'critical' };
  const point = criticalPoint(scalarOf(activation), q);
  const { weightVariance, biasVariance, slope } = point;
  if (!Number.isFinite(weightVariance)) {
    throw new ArgumentError(
      `initializer 'critical': '${name}' has slope 0 for inputs of variance ${q}, so no weights can preserve the gradient; choose another q, or '${initializer}'`,
      details,
    );
  }
  if (biasVariance < 0) {
    throw new ArgumentError(
      `initializer 'critical': '${name}' has no critical weights at q = ${q}: χ = 1 needs σ_w² = ${weightVariance.toPrecision(3)}, which alone raises the variance to ${(q - biasVariance).toPrecision(3)} (σ_b² would be ${biasVariance.toPrecision(3)}); choose another q or activation, or '${initializer}'`,
      details,
    );
  }
  if (slope > 1 + 1e-6) {
    warn?.(
      `initializer 'critical': with '${name}' at q = ${q} a variance that deviates from q deviates further in each layer (dq'/dq = ${slope.toFixed(3)} > 1), so deep networks may drift away from it`,
    );
  }
  return point;
}

function scalarOf({ name, initializer, scalar }: Nonlinearity): ScalarFunction {
  try {
    return scalar();
  } catch (cause) {
    throw new ArgumentError(
      `initializer 'critical' works for layers with an elementwise activation, which '${name}' is not; for this layer use '${initializer}'`,
      { argument: 'kernelInitializer', received: 'critical' },
      { cause },
    );
  }
}

/** The initializer that the activation's record names: He for rectifiers, with the variance that their slope below 0 leaves to do; zeros for biases. */
export function auto(drawBy: (name: string) => Initializer['sample']): Drawing {
  return suited((activation) => (shape, random, warn, fans) => {
    const { initializer } = activation;
    if (shape.length < 2) return new Float64Array(sizeOf(shape));
    const draw = initializer === 'heNormal' ? scaled(rectifierScale(activation.scalar()), 'fanIn', 'truncatedNormal') : drawBy(initializer);
    return draw(shape, random, warn, fans);
  });
}

/** 2 / (1 + a²) for slope a below 0 (He 2015, equation 15); 2 for what is not made of two half lines. */
export function rectifierScale(phi: ScalarFunction): number {
  const [up, down] = [phi.value(1), phi.value(-1)];
  const straight = Math.abs(phi.value(3) - 3 * up) + Math.abs(phi.value(-3) - 3 * down) < 1e-9;
  return straight && up !== 0 ? 2 / (up * up + down * down) : 2;
}
