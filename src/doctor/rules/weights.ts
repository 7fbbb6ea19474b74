import { countOf } from '../../core/count.js';
import type { Examination } from '../examination.js';
import { kernelInitializer } from '../forecast/lookups.js';
import { isSymmetric } from '../forecast/weight-moments.js';
import { remedies } from '../remedies.js';
import { type Rule, say, unlearned } from '../rule.js';
import { allBehind, bendBehind } from '../uses.js';
import { endsBranch, leastOfEach, type Way, waysOf } from '../ways.js';

/** Initializers whose variance follows from what they are told or from data, so that no table says whether they suit. */
const apart = ['auto', 'critical', 'lsuv', 'orthogonal', 'identity', 'deltaOrthogonal'];

/** `heNormal` and `heUniform` are of one family. */
export const family = (name: string): string => name.replace(/(Normal|Uniform)$/, '');

export const initializerMismatch: Rule = {
  id: 'initializer-mismatch',
  leadsTo: ['vanishing-gradient', 'exploding-gradient', 'signal-dying', 'signal-exploding', 'saturation', ...unlearned],
  title: 'Initializer that does not match the activation',
  looksFor:
    'hidden layers whose kernel initializer belongs to another family than the one that matches the activation (He for rectifiers, LeCun for SELU, Glorot otherwise), if theory says that it matters at this depth',
  threshold:
    'the forecast gain of signal or gradient over all hidden layers together is above 3 or below 1/3: at 5 layers the wrong family hardly matters, at 50 it does',
  why: 'each layer makes signals and gradients a little smaller or larger, and depth compounds the effect',
  remedies: [remedies.suitingInitializer, remedies.criticalInitializer],
  check(examination) {
    const { hidden } = examination;
    const wrong = hidden.flatMap(({ at, layer }) => {
      const [initializer, suits] = [kernelInitializer(layer), examination.suits(at)];
      if (initializer === undefined || suits === undefined || apart.includes(initializer) || family(initializer) === family(suits)) return [];
      // SELU's conditions are a rule of their own.
      return layer.activation?.name === 'selu' ? [] : [{ at, layer, initializer, suits }];
    });
    const ways = waysOf(examination).filter(({ first, last, places }) => first !== last && wrong.some(({ at }) => places.has(at)));
    if (ways.length === 0) return [];
    const [most] = changesOn(ways, examination).sort((a, b) => Math.abs(Math.log(b.factor)) - Math.abs(Math.log(a.factor)));
    const here = wrong.filter(({ at }) => most?.way.places.has(at));
    const [first] = here;
    if (!most || !first || Math.abs(Math.log(most.factor)) < Math.log(3)) return [];
    const name = first.layer.activation?.name ?? 'linear';
    return [
      {
        severity: 'risk',
        layers: here.map(({ layer }) => layer.name),
        step: 0,
        measured: { what: most.what, value: most.factor },
        expected: { from: 1 / 3, to: 3, why: 'a matching initializer preserves the size of signals and gradients' },
        cause: `${first.initializer} does not match ${name}: over ${countOf(most.way.depth, 'hidden layer')} ${most.whose} change by a factor of ${say(most.factor)}; ${first.suits} matches it`,
      },
    ];
  },
};

/** What ways make of gradients and of sums by theory. */
function changesOn(ways: readonly Way[], { forecast }: Examination) {
  const sizes = ways.map((way) => {
    const [below, above] = [forecast.layers[way.first.at], forecast.layers[way.last.at]];
    return { way, gradient: over(below?.gradient?.value, above?.gradient?.value), sums: over(above?.zRms?.value, below?.zRms?.value) };
  });
  const gradients = sizes.flatMap(({ way, gradient: factor }) => (factor === undefined ? [] : [{ way, factor }]));
  const sums = sizes.flatMap(({ way, sums: factor }) => (factor === undefined ? [] : [{ way, factor }]));
  // Of what meets, most is the largest.
  return [
    ...leastOfEach(gradients, ({ way }) => way.first).map((one) => ({
      ...one,
      what: 'forecast gradient, first hidden layer over last',
      whose: 'gradients',
    })),
    ...leastOfEach(sums, ({ way }) => way.last).map((one) => ({
      ...one,
      what: 'forecast pre-activations, last hidden layer over first',
      whose: 'signals',
    })),
  ];
}

const over = (a: number | undefined, b: number | undefined): number | undefined =>
  a !== undefined && b !== undefined && a / b > 0 ? a / b : undefined;

/** Whether a use ends a residual branch of which nothing else starts alike, and one behind it neither: its units get different gradients from there, and learn from the first step on. */
function isBorneByBranch(examination: Examination, alike: ReadonlySet<number>, use: number): boolean {
  const { facts } = examination;
  if (!endsBranch(examination, use)) return false;
  const sums = (at: number): boolean => facts.layers[at]?.role === 'weights';
  let before = facts.layers[use]?.inputs[0];
  while (before !== undefined && !sums(before)) before = facts.layers[before]?.inputs[0];
  return (before === undefined || !alike.has(before)) && [...allBehind(facts, [use])].some((at) => sums(at) && !alike.has(at));
}

export const constantWeights: Rule = {
  id: 'constant-weights',
  title: 'Constant or symmetric weights',
  looksFor: 'trained kernels of several units whose initializer sets all weights to the same value',
  threshold:
    'any: units that start identical get the same gradient and stay identical, whatever the depth. The last layer may start from zeros if the one before it does not; so may the last layer of a residual branch, if its other layers and one after it are drawn at random',
  why: 'all units of the layer are copies of a single unit',
  remedies: [remedies.suitingInitializer],
  check(examination) {
    const { facts, users, hidden, bends } = examination;
    const behind = new Set(hidden.map(({ at }) => at));
    const constant = facts.layers.flatMap(({ weights, role, shape }, at) => {
      const kernel = weights.find(({ name }) => name === 'kernel');
      const isAlike =
        role === 'weights' &&
        behind.has(at) &&
        (shape.at(-1) ?? 0) > 1 &&
        kernel?.trainable === true &&
        kernel.initializer !== undefined &&
        isSymmetric(kernel.initializer, kernel.shape, bendBehind(facts, users, at), bends);
      return isAlike ? [at] : [];
    });
    const places = new Set(constant);
    const alike = constant.flatMap((at) => (isBorneByBranch(examination, places, at) ? [] : (facts.layers[at] ?? [])));
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
        cause: `the kernel of ${first.name} starts from ${drawn?.name}: its ${first.shape.at(-1)} units are identical and stay so`,
      },
    ];
  },
};
