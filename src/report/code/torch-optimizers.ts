import { optimizerFromConfig } from '../../optimizers.js';
import { described, isCall, isOwn, ofOwn, picked, saying } from './calls.js';
import { argumentList, float, literal, noted } from './python.js';
import { baseRate, scheduleLines } from './torch-schedules.js';

type Options = Readonly<Record<string, unknown>>;
type Arguments = readonly (readonly [string, string])[];

interface Rule {
  /** Its class: PyTorch's, or one of the helpers. */
  readonly name: string;
  readonly helper?: true;
  readonly knows: readonly string[];
  arguments(options: Options): Arguments;
  /** How the class takes a decay that acts on weights alone; undefined where it adds it to gradients, or takes it into account. */
  decay?(options: Options): Partial<{ readonly name: string; readonly arguments: Arguments }> | undefined;
  /** Where PyTorch's updates are others. */
  notes?(options: Options): readonly string[];
  /** Modules whose arrays PyTorch has in another shape, which matters where an update looks at whole arrays. */
  readonly shaped?: RegExp;
}

/** An optimizer that PyTorch has not, with all its options; those that Python names otherwise, by our names. */
const helper = (name: string, options: Readonly<Record<string, string>>, more: Partial<Rule> = {}): Rule => ({
  name,
  helper: true,
  knows: Object.keys(options),
  arguments: (given) => Object.entries(options).map(([ours, theirs]) => [theirs, literal(given[ours])] as const),
  decay: () => ({}),
  ...more,
});

const moments: readonly string[] = ['beta1', 'beta2', 'epsilon'];
/** Options that differ from PyTorch's defaults of the same name. */
const given = (...pairs: readonly (readonly [string, unknown, unknown])[]): Arguments =>
  pairs.filter(([, value, usual]) => value !== undefined && value !== usual).map(([name, value]) => [name, literal(value)] as const);
/** PyTorch refuses whole numbers as betas. Adam's epsilon counts more in first steps here, as in Keras; other rules of this form are PyTorch's. */
const betas = ({ beta1, beta2, epsilon }: Options): Arguments => [
  ...(beta1 === 0.9 && beta2 === 0.999 ? [] : [['betas', float([beta1, beta2])] as const]),
  ...given(['eps', epsilon, 1e-8]),
];

const outside = 'PyTorch adds eps to √v, not to v: steps for gradients near 0 are longer';

/** Here, as in Keras, a velocity holds steps at the rates of their time. */
const paced = ({ momentum, learningRate }: Options): readonly string[] =>
  Number(momentum) > 0 && typeof learningRate === 'object'
    ? ['PyTorch applies the current learning rate to past gradients, not that of their step']
    : [];

/** Optimizers with their options under PyTorch's names. */
const rules: Readonly<Record<string, Rule>> = {
  sgd: {
    name: 'SGD',
    knows: ['momentum', 'nesterov'],
    arguments: ({ momentum, nesterov }) => given(['momentum', momentum, 0], ['nesterov', Number(momentum) > 0 && nesterov, false]),
    decay: ({ momentum }) => (momentum === 0 ? {} : undefined),
    notes: (options) => paced(options),
  },
  adam: {
    name: 'Adam',
    knows: [...moments, 'amsgrad'],
    arguments: (options) => [...betas(options), ...given(['amsgrad', options.amsgrad, false])],
    decay: () => ({ name: 'AdamW' }),
  },
  adamW: {
    name: 'AdamW',
    knows: [...moments, 'amsgrad'],
    // Unless told, PyTorch's decays by 0.01.
    arguments: ({ weightDecay, ...options }) => [
      ...betas(options),
      ...given(['amsgrad', options.amsgrad, false]),
      ...(Number(weightDecay) > 0 ? [] : [['weight_decay', '0'] as const]),
    ],
    decay: () => ({}),
  },
  adamax: { name: 'Adamax', knows: moments, arguments: betas },
  nadam: {
    name: 'NAdam',
    knows: moments,
    arguments: (options) => [...betas(options), ['momentum_decay', '1']],
    decay: () => ({ arguments: [['decoupled_weight_decay', 'True']] }),
  },
  rmsprop: {
    name: 'RMSprop',
    knows: ['rho', 'momentum', 'centered', 'epsilon'],
    arguments: ({ rho, momentum, centered, epsilon }) =>
      given(['alpha', rho, 0.99], ['momentum', momentum, 0], ['centered', centered, false], ['eps', epsilon, 1e-8]),
    notes: (options) => [outside, ...paced(options)],
  },
  adagrad: {
    name: 'Adagrad',
    knows: ['initialAccumulatorValue', 'epsilon'],
    arguments: ({ initialAccumulatorValue, epsilon }) => given(['initial_accumulator_value', initialAccumulatorValue, 0], ['eps', epsilon, 1e-10]),
    // Beside a sum that starts large it makes no difference.
    notes: ({ initialAccumulatorValue, epsilon }) => (Number(initialAccumulatorValue) < 1e3 * Number(epsilon) ? [outside] : []),
  },
  adadelta: {
    name: 'Adadelta',
    knows: ['rho', 'epsilon'],
    arguments: ({ rho, epsilon }) => given(['rho', rho, 0.9], ['eps', epsilon, 1e-6]),
  },
  adafactor: {
    name: 'Adafactor',
    knows: ['beta2Decay', 'epsilon1', 'epsilon2', 'clipThreshold', 'relativeStep'],
    // PyTorch squares the first epsilon, and refuses thresholds below 1.
    arguments: ({ beta2Decay, epsilon1, epsilon2, clipThreshold }) => [
      ...given(['beta2_decay', beta2Decay, -0.8]),
      ['eps', literal([Math.sqrt(Number(epsilon1)), epsilon2])],
      ...given(['d', Math.max(1, Number(clipThreshold)), 1]),
    ],
    notes: ({ clipThreshold }) => (Number(clipThreshold) < 1 ? [`not written: clipThreshold ${literal(clipThreshold)}`] : []),
    shaped: /nn\.Conv|nn\.GRU|Attention\(/,
  },
  lion: helper('Lion', { beta1: 'beta1', beta2: 'beta2' }),
  lamb: helper('Lamb', { beta1: 'beta1', beta2: 'beta2', epsilon: 'eps' }, { shaped: /nn\.GRU/ }),
  ftrl: helper('Ftrl', {
    learningRatePower: 'power',
    initialAccumulatorValue: 'start',
    l1RegularizationStrength: 'l1',
    l2RegularizationStrength: 'l2',
    l2ShrinkageRegularizationStrength: 'shrinkage',
    beta: 'beta',
  }),
};

/** What is done before each step to bound gradients. */
const clips: Readonly<Record<string, (limit: string) => string>> = {
  globalClipNorm: (limit) => `# before each step: torch.nn.utils.clip_grad_norm_(model.parameters(), ${limit})`,
  clipNorm: (limit) => `# before each step, for each parameter: torch.nn.utils.clip_grad_norm_([parameter], ${limit})`,
  clipValue: (limit) => `# before each step: torch.nn.utils.clip_grad_value_(model.parameters(), ${limit})`,
  layerClipNorm: (limit) => `# before each step, for each layer: torch.nn.utils.clip_grad_norm_(layer.parameters(), ${limit})`,
};

/** Options of every optimizer that PyTorch's loop has, not its optimizers. */
const loops: Readonly<Record<string, (options: Options) => string>> = {
  gradientAccumulationSteps: ({ gradientAccumulationSteps: steps }) => `each step takes the mean of ${literal(steps)} batches' gradients`,
  useEma: ({ emaMomentum }) => `keep averages of the weights with decay ${literal(emaMomentum)}: torch.optim.swa_utils.AveragedModel`,
};

/** @param modules code of the model. */
export function optimizerLines(value: unknown, modules: string): string[] {
  const { name, config: told } = described(value);
  if (isOwn(value)) return [noted(`optimizer = ${name}`, [ofOwn(name, 'PyTorch')])];
  const rule = rules[name];
  if (!rule) return [noted('optimizer = None', [`PyTorch has no optimizer '${saying(picked('optimizer', value))}'`])];
  const config: Options = { ...optimizerFromConfig(name, {}).config, ...told };
  const decays = typeof config.weightDecay === 'number' && config.weightDecay > 0;
  const decay = decays ? rule.decay?.(config) : undefined;
  const call = picked('optimizer', { name, config });
  const others = (isCall(call) ? call.options : []).filter(
    ([key]) => key !== 'learningRate' && key !== 'weightDecay' && !rule.knows.includes(key) && !clips[key] && key !== 'emaMomentum',
  );
  const notes = [
    ...(rule.notes?.(config) ?? []),
    ...(rule.shaped?.test(modules) ? ['PyTorch stores some arrays in another shape, so their updates differ'] : []),
    ...others.map(([key, option]) => loops[key]?.(config) ?? `not written: ${key} ${saying(option)}`),
  ];
  const settings: Arguments = [
    ['lr', literal(baseRate(config.learningRate))],
    ...rule.arguments(config),
    ...(decay ? [['weight_decay', literal(config.weightDecay)] as const, ...(decay.arguments ?? [])] : []),
  ];
  return [
    noted(`optimizer = ${rule.helper ? '' : 'torch.optim.'}${decay?.name ?? rule.name}(${argumentList(['model.parameters()'], settings)})`, notes),
    ...(decays && !decay ? [`optimizer.register_step_pre_hook(decaying(${literal(config.weightDecay)}))`] : []),
    ...scheduleLines(config.learningRate),
    ...Object.entries(clips).flatMap(([key, line]) => (config[key] === undefined ? [] : [line(literal(config[key]))])),
  ];
}
