import type { Examination, WatchedUse } from '../examination.js';
import { value } from '../measured.js';
import { remedies } from '../remedies.js';
import { type Rule, say, sayFactor, unlearned } from '../rule.js';
import { endsBranch, leastOfEach, type Way, waysOf } from '../ways.js';
import { BROUGHT_BACK, bringsBack, outputsOf } from './units.js';

/** A way from a first hidden layer to a last one. */
interface Course extends Way {
  /** RMS of the sums of both, and of the last over the first. */
  readonly low: number;
  readonly high: number;
  readonly factor: number;
}

/** Ways between different layers. */
const proper = (examination: Examination): Way[] => waysOf(examination).filter(({ first, last }) => first !== last);

/** One for each last hidden layer, the least first: from the first one with the largest sums, since of several signals that meet most is the largest. */
function coursesOf(examination: Examination): Course[] {
  const { first: record, forecast } = examination;
  const size = ({ at, column }: WatchedUse): number | undefined =>
    value(record?.signals.zRms[column]) ?? (record ? undefined : forecast.layers[at]?.zRms?.value);
  const all = proper(examination).flatMap((way): Course[] => {
    const [low, high] = [size(way.first), size(way.last)];
    // Sums of 0 are those of equal weights, which have a rule of their own.
    return low !== undefined && high !== undefined && low > 0 ? [{ ...way, low, high, factor: high / low }] : [];
  });
  return leastOfEach(all, ({ last }) => last).sort((a, b) => a.factor - b.factor);
}

/** The upper half of the layers on a way. */
const upperOf = ({ between }: Way): string[] => between.slice(Math.floor(between.length / 2)).map(({ layer }) => layer.name);

/** Sizes and differences below which signals are ill, and a risk: what shrinks forward shrinks the gradient, for which some optimizers make up. */
const limits = (adaptive: boolean) =>
  adaptive ? ({ size: [1e-5, 1e-3], difference: [1e-3, 0.03] } as const) : ({ size: [1e-3, 0.05], difference: [0.03, 0.1] } as const);

/** Rows of a minibatch from which on it shows whether they differ. */
const FEW = 4;

export const signalDying: Rule = {
  id: 'signal-dying',
  bearable: true,
  leadsTo: unlearned,
  title: 'Signal dying in the forward pass',
  looksFor:
    'the RMS of the pre-activations in the last hidden layer over that in the first one that leads to it (if there are several, the one with the largest); and whether rows still differ there: the deviation of a unit over the batch, relative to the RMS of its output',
  threshold: `ill below 1/1000 in size (risk: 1/20), since biases and noise of the size of the weights then drown the signal; ill below 3 % difference between rows (risk: 10 %), since the last layer distinguishes rows only by their difference. Optimizers that divide by the size of the gradient tolerate more: 1e-5 (risk: 1e-3), and 0.1 % (risk: 3 %). A small difference is ${BROUGHT_BACK}. In the ordered phase the squared difference shrinks by χ per layer, whatever the size does`,
  why: 'the layers above see nearly the same input for every row, and cannot distinguish rows',
  remedies: [
    remedies.suitingInitializer,
    remedies.criticalInitializer,
    remedies.lsuv,
    remedies.changeActivation,
    remedies.normalize,
    remedies.residual,
  ],
  check(examination) {
    const { first, untrained, adaptive } = examination;
    const { size: sizes, difference } = limits(adaptive);
    // A branch may end small, or at 0: the signal that goes around it is what the last layer sees.
    const [shrunk] = coursesOf(examination).filter(({ last }) => !endsBranch(examination, last.at));
    const step = untrained ? 0 : (first?.step ?? 0);
    if (shrunk && shrunk.factor < sizes[1]) {
      const { factor: size, low, high, depth } = shrunk;
      const limit = size < sizes[0] ? sizes[0] : sizes[1];
      return [
        {
          severity: limit === sizes[0] ? 'ill' : 'risk',
          layers: upperOf(shrunk),
          step,
          measured: { what: 'RMS of the pre-activations, last hidden layer over first', value: size },
          expected: { from: limit, why: 'signals must stay above biases and noise' },
          cause: `pre-activations are multiplied by ${sayFactor(size, depth - 1)} per layer: their RMS falls from ${say(low)} in ${shrunk.first.layer.name} to ${say(high)} in ${shrunk.last.layer.name}`,
        },
      ];
    }
    // Of one row nothing differs, and of two or three it is chance how much.
    if ((examination.trace.header.training?.batchSize ?? FEW) < FEW) return [];
    const spreads = proper(examination).flatMap((way) => {
      const outputs = outputsOf(examination, way.last.column);
      return outputs?.rms ? [{ ...way, factor: outputs.deviation / outputs.rms }] : [];
    });
    const [alike] = spreads.sort((a, b) => a.factor - b.factor);
    if (!alike || alike.factor >= difference[1]) return [];
    const limit = alike.factor < difference[0] && !bringsBack(examination) ? difference[0] : difference[1];
    return [
      {
        severity: limit === difference[0] ? 'ill' : 'risk',
        layers: upperOf(alike),
        step,
        measured: { what: 'deviation over the rows, relative to the RMS, in the last hidden layer', value: alike.factor },
        expected: { from: limit, why: 'rows can only be distinguished by their difference' },
        cause: `all rows look alike in ${alike.last.layer.name}: the output of a unit varies by only ${say(100 * alike.factor)} % of its size over the batch`,
      },
    ];
  },
};

export const signalExploding: Rule = {
  id: 'signal-exploding',
  bearable: true,
  leadsTo: unlearned,
  title: 'Signal exploding in the forward pass',
  looksFor:
    'the RMS of the pre-activations in the last hidden layer over that in the first one that leads to it (if there are several, the one with the largest)',
  threshold:
    'ill from 1,000, risk from 50: the last layer then starts with a loss that many times too large, and its first steps are too large as well',
  why: 'the first loss is huge, the first steps throw the weights off, and deep networks overflow',
  remedies: [remedies.suitingInitializer, remedies.criticalInitializer, remedies.lsuv, remedies.normalize],
  check(examination) {
    const grown = coursesOf(examination).at(-1);
    if (!grown || !(grown.factor > 50)) return [];
    const { factor, low, high, between, depth } = grown;
    const limit = factor > 1e3 ? 1e3 : 50;
    return [
      {
        severity: limit === 1e3 ? 'ill' : 'risk',
        layers: between.map(({ layer }) => layer.name),
        step: examination.first?.step ?? 0,
        measured: { what: 'RMS of the pre-activations, last hidden layer over first', value: factor },
        expected: { to: limit, why: 'the last layer must start undecided' },
        cause: `pre-activations grow by a factor of ${sayFactor(factor, depth - 1)} per layer: their RMS rises from ${say(low)} in ${grown.first.layer.name} to ${say(high)} in ${grown.last.layer.name}`,
      },
    ];
  },
};
