import { value } from '../examination.js';
import { remedies } from '../remedies.js';
import { type Rule, say, sayFactor, unlearned } from '../rule.js';

/** Sizes and differences below which signals are ill, and a risk: what shrinks forward shrinks the gradient, for which some optimizers make up. */
const limits = (adaptive: boolean) =>
  adaptive ? ({ size: [1e-5, 1e-3], difference: [1e-3, 0.03] } as const) : ({ size: [1e-3, 0.05], difference: [0.03, 0.1] } as const);

export const signalDying: Rule = {
  id: 'signal-dying',
  bearable: true,
  leadsTo: unlearned,
  title: 'Signal dying forward',
  looksFor:
    'the RMS of the sums in the last hidden layer over that in the first; and whether rows still differ there: the deviation of a unit over the batch, over the RMS of what it gives',
  threshold:
    'a size of a thousandth (risk: a twentieth), since biases and noise of the size of the weights then drown it; a difference between rows of 3 % (risk: 10 %), since the last layer sees rows only by their difference. Optimizers that divide by the size of the gradient bear more: 1e-5 (risk: 1e-3), and 0.1 % (risk: 3 %). In the ordered phase the squared difference shrinks by χ for each layer, whatever the size does',
  why: 'the layers above see nearly the same for every row, and cannot tell rows apart',
  remedies: [
    remedies.suitingInitializer,
    remedies.criticalInitializer,
    remedies.lsuv,
    remedies.changeActivation,
    remedies.normalize,
    remedies.residual,
  ],
  check(examination) {
    const { hidden, first, untrained, adaptive } = examination;
    const { size: sizes, difference } = limits(adaptive);
    const [bottom, top] = [hidden[0], hidden.at(-1)];
    if (!bottom || !top || bottom === top) return [];
    const size = (at: number, column: number): number | undefined =>
      value(first?.signals.zRms[column]) ?? (first ? undefined : examination.forecast.layers[at]?.zRms?.value);
    const [low, high] = [size(bottom.at, bottom.column), size(top.at, top.column)];
    const shrunk = low !== undefined && high !== undefined && low > 0 ? high / low : undefined;
    const layers = hidden.slice(Math.floor(hidden.length / 2)).map(({ layer }) => layer.name);
    const step = untrained ? 0 : (first?.step ?? 0);
    if (shrunk !== undefined && shrunk < sizes[1]) {
      const limit = shrunk < sizes[0] ? sizes[0] : sizes[1];
      return [
        {
          severity: limit === sizes[0] ? 'ill' : 'risk',
          layers,
          step,
          measured: { what: 'RMS of the sums, last hidden layer over first', value: shrunk },
          expected: { from: limit, why: 'signals must stay above biases and noise' },
          cause: `signals shrink by a factor ${sayFactor(shrunk, hidden.length - 1)} a layer: their RMS falls from ${say(low ?? 0)} in ${bottom.layer.name} to ${say(high ?? 0)} in ${top.layer.name}`,
        },
      ];
    }
    const [spread, whole] = [value(first?.signals.hSpread?.[top.column]), value(first?.signals.hRms[top.column])];
    const apart = spread !== undefined && whole ? spread / whole : undefined;
    if (apart === undefined || apart >= difference[1]) return [];
    const limit = apart < difference[0] ? difference[0] : difference[1];
    return [
      {
        severity: limit === difference[0] ? 'ill' : 'risk',
        layers,
        step,
        measured: { what: 'deviation over the rows, relative to the RMS, in the last hidden layer', value: apart },
        expected: { from: limit, why: 'rows are told apart by their difference' },
        cause: `all rows look alike in ${top.layer.name}: what a unit gives varies by ${say(100 * apart)} % of its size over the batch`,
      },
    ];
  },
};

export const signalExploding: Rule = {
  id: 'signal-exploding',
  bearable: true,
  leadsTo: unlearned,
  title: 'Signal exploding forward',
  looksFor: 'the RMS of the sums in the last hidden layer over that in the first',
  threshold: 'a thousand times (risk: fifty): the last layer then starts with a loss that many times too large, and its first steps are too',
  why: 'the first loss is huge, the first steps throw the weights out, and deep networks overflow',
  remedies: [remedies.suitingInitializer, remedies.criticalInitializer, remedies.lsuv, remedies.normalize],
  check(examination) {
    const { hidden, first } = examination;
    const [bottom, top] = [hidden[0], hidden.at(-1)];
    if (!bottom || !top || bottom === top) return [];
    const size = (at: number, column: number): number | undefined =>
      value(first?.signals.zRms[column]) ?? (first ? undefined : examination.forecast.layers[at]?.zRms?.value);
    const [low, high] = [size(bottom.at, bottom.column), size(top.at, top.column)];
    // Sums of 0 are those of equal weights, which have a rule of their own.
    if (low === undefined || high === undefined || low === 0 || !(high / low > 50)) return [];
    const limit = high / low > 1e3 ? 1e3 : 50;
    return [
      {
        severity: limit === 1e3 ? 'ill' : 'risk',
        layers: hidden.map(({ layer }) => layer.name),
        step: first?.step ?? 0,
        measured: { what: 'RMS of the sums, last hidden layer over first', value: high / low },
        expected: { to: limit, why: 'the last layer must start undecided' },
        cause: `signals grow by a factor ${sayFactor(high / low, hidden.length - 1)} a layer: their RMS rises from ${say(low)} in ${bottom.layer.name} to ${say(high)} in ${top.layer.name}`,
      },
    ];
  },
};
