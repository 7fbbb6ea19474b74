import type { Activation } from '../../activations.js';
import type { LayerFacts, NetworkFacts, TargetSpread } from '../../vitals/facts.js';
import type { Examination } from '../examination.js';
import { tableActivation } from '../forecast/lookups.js';
import { remedies } from '../remedies.js';
import { percent, type Rule, type Symptom, say, sayApart, unlearned } from '../rule.js';

/** Losses by how far answers are from targets, and the power of that distance with which they grow where it is large. */
const powers: Readonly<Record<string, number>> = { meanSquaredError: 2, meanAbsoluteError: 1, huber: 1, logCosh: 1 };

/** What an output is compared with, and what it is made by. */
export interface Aim {
  /** Which of the outputs. */
  readonly output: number;
  /** Place of the layer that bends what is given, or sums it. */
  readonly at: number;
  readonly layer: LayerFacts;
  readonly activation: Activation;
  /** What is given is this times what the activation gives, and that added; one for each column, or for all. */
  readonly scales: readonly number[];
  readonly offsets: readonly number[];
  readonly spread: TargetSpread;
  readonly power: number;
}

const numbers = (option: unknown): readonly number[] | undefined => {
  const list = [option].flat();
  return list.every((one) => typeof one === 'number') ? list : undefined;
};

/** Two lists by places; a single number stands for all. */
export function both(a: readonly number[], b: readonly number[], of: (a: number, b: number) => number): readonly number[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, k) => of(a[k] ?? a[0] ?? 0, b[k] ?? b[0] ?? 0));
}

const product = (a: number, b: number): number => a * b;
const sum = (a: number, b: number): number => a + b;

/** How an output comes about behind the last layer that bends or sums; undefined where layers come in between of which no more is known. */
function endingOf({ layers }: NetworkFacts, output: number): Pick<Aim, 'at' | 'layer' | 'activation' | 'scales' | 'offsets'> | undefined {
  let [at, scales, offsets]: [number, readonly number[], readonly number[]] = [output, [1], [0]];
  for (let layer = layers[at]; layer !== undefined; layer = layers[at]) {
    if (layer.role === 'weights' || layer.role === 'activation') {
      const activation = tableActivation(layer.activation ?? { name: 'linear', config: {} });
      return activation && { at, layer, activation, scales, offsets };
    }
    const [scale, offset] = [numbers(layer.options.scale), numbers(layer.options.offset ?? 0)];
    if (layer.kind === 'rescaling' && scale && offset) {
      offsets = both(offsets, both(scales, offset, product), sum);
      scales = both(scales, scale, product);
    } else if (layer.kind !== 'identity') return undefined;
    at = layer.inputs[0] ?? -1;
  }
  return undefined;
}

/** Outputs that are compared with numbers by how far they are away. */
export function aimsOf({ facts, trace }: Examination): Aim[] {
  const { losses = [], targets = [] } = trace.header.training ?? {};
  return facts.outputs.flatMap((at, output): Aim[] => {
    const [loss, spread, ending] = [losses[output], targets[output]?.spread, endingOf(facts, at)];
    const power = loss && powers[loss.name];
    return power !== undefined && spread && ending ? [{ output, ...ending, spread, power }] : [];
  });
}

export const rootMeanSquare = (values: readonly number[]): number => Math.sqrt(values.reduce((all, one) => all + one * one, 0) / values.length);

/** What the activation would have to give: how far targets deviate, and how far they are from 0, in root mean squares over the columns. */
export function wantedOf({ scales, offsets, spread }: Aim): { readonly deviation: number; readonly mean: number } {
  return {
    deviation: rootMeanSquare(both(spread.deviations, scales, (one, scale) => one / scale)),
    mean: rootMeanSquare(
      both(
        both(spread.means, offsets, (one, offset) => one - offset),
        scales,
        (one, scale) => one / scale,
      ),
    ),
  };
}

/** Deviations that outputs come to with ease; below the second, nothing but what was drawn is seen in them. */
const [SMALL, LOST] = [0.3, 0.1];
/** Above these, steps are too large, or of steps of one size too many are needed. */
const LARGE = { free: 3, bounded: 100 } as const;
/** Means in deviations. */
const [FAR, FARTHEST] = [5, 50];

export const rawTargets: Rule = {
  id: 'raw-targets',
  bearable: true,
  leadsTo: [
    'not-finite',
    'exploding-gradient',
    'died-in-training',
    'step-too-large',
    'step-too-small',
    'loss-oscillates',
    'initial-loss',
    ...unlearned,
  ],
  title: 'Targets that are not standardized',
  looksFor:
    'the standard deviation of the targets, and the distance of their mean from 0, for losses that compare numbers by distance with an unbounded output, before layers.rescaling',
  threshold: `risk: a standard deviation below ${SMALL} or above ${LARGE.free} (${LARGE.bounded} if the optimizer divides by the gradient's size, gradients are clipped, or the loss does not square), or a mean of more than ${FAR} deviations. Ill: a deviation below ${LOST}, or a mean of more than ${FARTHEST} deviations. Measured on California housing, three networks under six optimizers (\`npm run bench -- targets\`): the median explained variance, 0.70 on standardized targets, is 0.66 at a deviation of 0.3, 0.47 at 0.1 and below 0 from 0.03 on; SGD without clipping diverges above deviations of 1 to 10, others tolerate 100; a mean of 10 deviations leaves 0.61, one of 100 nothing`,
  why: 'networks start with outputs of about unit size: small targets drown in them, large ones cause equally large steps, and the last bias takes many steps to reach distant ones',
  remedies: [remedies.scaleTargets],
  check(examination) {
    return aimsOf(examination).flatMap((aim): Symptom[] => {
      const { activation, layer, power, spread } = aim;
      const { deviation, mean } = wantedOf(aim);
      const free = activation.range[1] === Number.POSITIVE_INFINITY && activation.name !== 'exponential';
      if (!free || !(deviation > 0) || !Number.isFinite(deviation)) return [];
      const large = power === 1 || examination.adaptive || examination.clipped ? LARGE.bounded : LARGE.free;
      const [from, to] = [deviation < LOST ? LOST : SMALL, mean > FARTHEST * deviation ? FARTHEST : FAR];
      const off = Math.max(from / deviation, deviation / large);
      const far = mean / deviation / to;
      if (Math.max(off, far) <= 1) return [];
      const severity = from === LOST || to === FARTHEST ? ('ill' as const) : ('risk' as const);
      const byMean = severity === 'ill' ? to === FARTHEST : far > off;
      return [
        {
          severity,
          layers: [layer.name],
          step: 0,
          measured: byMean
            ? { what: `mean of the targets of ${layer.name}, in deviations`, value: mean / deviation }
            : { what: `standard deviation of the targets of ${layer.name}`, value: deviation },
          expected: byMean ? { to, why: 'the last bias starts at 0' } : { from, to: large, why: 'outputs start at about unit size' },
          margin: byMean ? far : off,
          cause: `the targets of ${layer.name} deviate by ${say(rootMeanSquare(spread.deviations))} from a mean of ${say(spread.means[0] ?? 0)}${spread.means.length > 1 ? ' and others' : ''}, and its outputs are not rescaled to match`,
        },
      ];
    });
  },
};

/** Shares of the targets' variance that no output can explain. */
const [SOME, MUCH] = [0.01, 0.1];

/** Share of the targets' variance that lies beyond what an output can give, by the means of their tenths; 0 where columns are scaled each in its way. */
export function beyondReach({ activation: { range }, scales, offsets, spread: { tenths } }: Aim): number {
  const [scale, ...otherScales] = new Set(scales);
  const [offset, ...otherOffsets] = new Set(offsets);
  if (scale === undefined || offset === undefined || otherScales.length + otherOffsets.length > 0) return 0;
  const ends = range.map((end) => end * scale + offset);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const mean = tenths.reduce(sum, 0) / tenths.length;
  const squares = (distances: readonly number[]): number => distances.reduce((all, one) => all + one * one, 0);
  const whole = squares(tenths.map((one) => one - mean));
  return whole > 0 ? Math.min(1, squares(tenths.map((one) => Math.max(0, low - one, one - high))) / whole) : 0;
}

export const unreachableTargets: Rule = {
  id: 'unreachable-targets',
  leadsTo: unlearned,
  title: 'Targets that the last activation cannot reach',
  looksFor:
    'targets (means of their tenths) outside the range of the last activation, for losses that compare numbers by distance: negative ones after a ReLU, any size after a tanh or a sigmoid',
  threshold: `risk: more than ${percent(SOME)} of the targets' variance lies outside the range; ill: more than ${percent(MUCH)}`,
  why: 'targets outside the range remain errors whatever is learned, and drive the activation into its flat region',
  remedies: [remedies.mendLoss],
  check(examination) {
    return aimsOf(examination).flatMap((aim): Symptom[] => {
      const { activation, layer, spread } = aim;
      const share = beyondReach(aim);
      if (!(share > SOME)) return [];
      const limit = share > MUCH ? MUCH : SOME;
      return [
        {
          severity: limit === MUCH ? 'ill' : 'risk',
          layers: [layer.name],
          step: 0,
          measured: { what: `share of the targets' variance outside the range of ${activation.name}`, value: share },
          expected: { to: limit, why: 'outputs must be able to reach the targets' },
          cause: `${layer.name} ends with ${activation.name}, but its targets range from ${sayApart(spread.least, spread.most).join(' to ')}: ${percent(share)} of their variance is out of its reach`,
        },
      ];
    });
  },
};
