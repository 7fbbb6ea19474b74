import type { Described } from '../../core/catalogue.js';
import { countOf } from '../../core/count.js';
import { kernelInitializer } from '../forecast/lookups.js';
import { remedies } from '../remedies.js';
import { type Rule, say, unlearned } from '../rule.js';

/** Initializers whose variance follows from what they are told or from data, so that no table says whether they suit. */
const apart = ['auto', 'critical', 'lsuv', 'orthogonal', 'identity', 'deltaOrthogonal'];

/** `heNormal` and `heUniform` are of one family. */
export const family = (name: string): string => name.replace(/(Normal|Uniform)$/, '');

export const initializerMismatch: Rule = {
  id: 'initializer-mismatch',
  leadsTo: ['vanishing-gradient', 'exploding-gradient', 'signal-dying', 'signal-exploding', 'saturation', ...unlearned],
  title: 'Initializer that does not suit the activation',
  looksFor:
    'kernels of hidden layers drawn by another family than the one that suits their activation (He for rectifiers, LeCun for SELU, Glorot otherwise), where theory says that it matters at this depth',
  threshold:
    'the gain of signal or gradient that theory forecasts, over all hidden layers together, lies beyond a factor 3 either way: at 5 layers the wrong family hardly matters, at 50 it does',
  why: 'each layer makes signals and gradients a little smaller or larger than the one before, and depth multiplies',
  remedies: [remedies.suitingInitializer, remedies.criticalInitializer],
  check(examination) {
    const { hidden } = examination;
    const wrong = hidden.flatMap(({ at, layer }) => {
      const [initializer, suits] = [kernelInitializer(layer), examination.suits(at)];
      if (initializer === undefined || suits === undefined || apart.includes(initializer) || family(initializer) === family(suits)) return [];
      // SELU's conditions are a rule of their own.
      return layer.activation?.name === 'selu' ? [] : [{ at, layer, initializer, suits }];
    });
    const [bottom, top] = [hidden[0], hidden.at(-1)];
    const [first] = wrong;
    if (!first || !bottom || !top || bottom === top) return [];
    // Looked at last, since it is dear.
    const { forecast } = examination;
    const gradient = forecast.layers[bottom.at]?.gradient?.value;
    const [low, high] = [forecast.layers[bottom.at]?.zRms?.value, forecast.layers[top.at]?.zRms?.value];
    const forward = low !== undefined && high !== undefined ? high / low : undefined;
    const factors = [
      { what: 'forecast gradient, first hidden layer over last', value: gradient },
      { what: 'forecast sums, last hidden layer over first', value: forward },
    ].flatMap(({ what, value }) => (value === undefined || !(value > 0) ? [] : [{ what, value }]));
    const most = factors.reduce<(typeof factors)[number] | undefined>(
      (a, b) => (Math.abs(Math.log(b.value)) > Math.abs(Math.log(a?.value ?? 1)) ? b : a),
      undefined,
    );
    if (!most || Math.abs(Math.log(most.value)) < Math.log(3)) return [];
    const name = first.layer.activation?.name ?? 'linear';
    return [
      {
        severity: 'risk',
        layers: wrong.map(({ layer }) => layer.name),
        step: 0,
        measured: most,
        expected: { from: 1 / 3, to: 3, why: 'what suits keeps signals and gradients at their size' },
        cause: `${first.initializer} does not suit ${name}: over ${countOf(hidden.length, 'hidden layer')} ${most.what.startsWith('forecast gradient') ? 'gradients change' : 'signals change'} by a factor ${say(most.value)}; ${first.suits} suits it`,
      },
    ];
  },
};

/** Whether a drawing gives every weight the same value. */
function isConstant({ name, config }: Described): boolean {
  if (['zeros', 'ones', 'constant'].includes(name)) return true;
  if (name === 'normal' || name === 'truncatedNormal') return config.stddev === 0;
  return name === 'uniform' && config.minval === config.maxval;
}

export const constantWeights: Rule = {
  id: 'constant-weights',
  title: 'Constant or symmetric weights',
  looksFor: 'trained kernels of several units whose initializer gives every weight one value',
  threshold:
    'any: units that start alike get the same gradient and stay alike, whatever the depth. The last layer may start from zeros where one behind it does not',
  why: 'all units of the layer are one unit, repeated',
  remedies: [remedies.suitingInitializer],
  check({ facts, hidden }) {
    const behind = new Set(hidden.map(({ at }) => at));
    const alike = facts.layers.filter(({ weights, role, shape }, at) => {
      const kernel = weights.find(({ name }) => name === 'kernel');
      return (
        role === 'weights' &&
        behind.has(at) &&
        (shape.at(-1) ?? 0) > 1 &&
        kernel?.trainable === true &&
        kernel.initializer !== undefined &&
        isConstant(kernel.initializer)
      );
    });
    const [first] = alike;
    if (!first) return [];
    const drawn = first.weights.find(({ name }) => name === 'kernel')?.initializer;
    return [
      {
        severity: 'ill',
        layers: alike.map(({ name }) => name),
        step: 0,
        measured: { what: 'different units', value: 1 },
        expected: { from: first.shape.at(-1) ?? 2, why: 'units must differ to learn different things' },
        cause: `the kernel of ${first.name} starts from ${drawn?.name}: its ${first.shape.at(-1)} units are alike and stay so`,
      },
    ];
  },
};
