import { isDescribed } from '../../layers/registry.js';
import { optimizerFromConfig } from '../../optimizers.js';
import { isCall, ofOwn, picked, saying } from './calls.js';
import { argumentList, literal, noted } from './python.js';
import { firstRateOf, type Training } from './training.js';

type Options = Readonly<Record<string, unknown>>;
type Arguments = readonly (readonly [string, string])[];

interface Loss {
  readonly code: string;
  readonly notes?: readonly string[];
  /** What the output's activation is in PyTorch's loss already; other activations are no logits. */
  readonly holds?: string;
}

const ofLogits = 'takes logits: leave out what makes them probabilities';
const classesFirst = 'takes classes on axis 1: give it outputs.movedim(-1, 1)';

/** Losses by what they are told; those that PyTorch has no class for, as functions. */
const losses: Readonly<Record<string, (options: Options) => Loss>> = {
  sparseCategoricalCrossentropy: () => ({ code: 'nn.CrossEntropyLoss()', holds: 'nn.Softmax(dim=-1)' }),
  categoricalCrossentropy: ({ labelSmoothing = 0 }) => ({
    code: labelSmoothing === 0 ? 'nn.CrossEntropyLoss()' : `nn.CrossEntropyLoss(label_smoothing=${literal(labelSmoothing)})`,
    holds: 'nn.Softmax(dim=-1)',
  }),
  binaryCrossentropy: ({ labelSmoothing = 0 }) => ({
    code: 'nn.BCEWithLogitsLoss()',
    holds: 'nn.Sigmoid()',
    ...(labelSmoothing === 0 ? {} : { notes: [`smooth targets before: y * ${1 - Number(labelSmoothing)} + ${Number(labelSmoothing) / 2}`] }),
  }),
  meanSquaredError: () => ({ code: 'nn.MSELoss()' }),
  meanAbsoluteError: () => ({ code: 'nn.L1Loss()' }),
  huber: ({ delta = 1 }) => ({ code: delta === 1 ? 'nn.HuberLoss()' : `nn.HuberLoss(delta=${literal(delta)})` }),
  poisson: () => ({ code: 'nn.PoissonNLLLoss(log_input=False, eps=1e-7)' }),
  logCosh: () => ({ code: 'lambda x, y: (x - y + nn.functional.softplus(-2 * (x - y)) - 0.6931471805599453).mean()' }),
  meanAbsolutePercentageError: () => ({ code: 'lambda x, y: 100 * ((y - x) / y.abs().clamp_min(1e-7)).abs().mean()' }),
  meanSquaredLogarithmicError: () => ({ code: 'lambda x, y: nn.functional.mse_loss(x.clamp_min(1e-7).log1p(), y.clamp_min(1e-7).log1p())' }),
  cosineSimilarity: () => ({ code: 'lambda x, y: -nn.functional.cosine_similarity(x, y, dim=-1).mean()' }),
  klDivergence: () => ({ code: 'lambda x, y: (y.clamp(1e-7, 1) * (y.clamp(1e-7, 1) / x.clamp(1e-7, 1)).log()).sum(-1).mean()' }),
  hinge: () => ({ code: 'lambda x, y: (1 - y * x).clamp_min(0).mean()', notes: ['targets are -1 and 1'] }),
  squaredHinge: () => ({ code: 'lambda x, y: ((1 - y * x).clamp_min(0) ** 2).mean()', notes: ['targets are -1 and 1'] }),
};

const described = (value: unknown): { readonly name: string; readonly config: Options } =>
  isDescribed(value) ? { name: value.name, config: value.config ?? {} } : { name: String(value), config: {} };

const isOwn = (value: unknown): boolean => isDescribed(value) && value.custom === true;

/** The module of an output that its loss holds already; undefined where none does. */
export function heldBy(loss: unknown): string | undefined {
  const { name, config } = described(loss);
  return isOwn(loss) || config.fromLogits === true ? undefined : losses[name]?.(config).holds;
}

/** Whether an output gives logits, since it ends in what its loss holds, and its axes without the batch. */
export interface End {
  readonly logits: boolean;
  readonly rank: number;
}

/** The loss, or all of them with their weights. */
export function lossLines({ losses: given, lossWeights }: Training, ends: readonly End[]): string[] {
  const made = given.map((value, i): Loss => {
    const { name, config } = described(value);
    if (isOwn(value)) return { code: name, notes: [ofOwn(name, 'PyTorch')] };
    const loss = losses[name]?.(config);
    if (!loss) return { code: 'None', notes: [`PyTorch has no loss '${saying(picked('loss', value))}'`] };
    const { logits = false, rank = 1 } = ends[i] ?? {};
    const plain = loss.holds !== undefined && config.fromLogits !== true && !logits;
    const turned = loss.code.startsWith('nn.CrossEntropyLoss') && rank > 1;
    return { ...loss, notes: [...(loss.notes ?? []), ...(plain ? [ofLogits] : []), ...(turned ? [classesFirst] : [])] };
  });
  const [only] = made;
  const weights = lossWeights ?? given.map(() => 1);
  if (only && made.length === 1 && !lossWeights) return [noted(`loss = ${only.code}`, only.notes ?? [])];
  return [
    'losses = [',
    ...made.map(({ code, notes = [] }) => noted(`${code},`, notes, '    ')),
    ']',
    `weights = [${weights.map(literal).join(', ')}]`,
    `loss = lambda outputs, targets: sum(w * one(x, y) for w, one, x, y in zip(weights, losses, ${made.length === 1 ? '[outputs], [targets]' : 'outputs, targets'}))`,
  ];
}

interface Rule {
  /** Its class. */
  readonly name: string;
  readonly knows: readonly string[];
  arguments(options: Options): Arguments;
  /** How the class takes a decay that acts on weights alone; undefined where it only adds it to gradients. */
  decay?(options: Options): Partial<{ readonly name: string; readonly arguments: Arguments }> | undefined;
}

const moments: readonly string[] = ['beta1', 'beta2', 'epsilon'];
/** Options that differ from PyTorch's defaults of the same name. */
const given = (...pairs: readonly (readonly [string, unknown, unknown])[]): Arguments =>
  pairs.filter(([, value, usual]) => value !== undefined && value !== usual).map(([name, value]) => [name, literal(value)] as const);
const betas = ({ beta1, beta2, epsilon }: Options): Arguments => [
  ...(beta1 === 0.9 && beta2 === 0.999 ? [] : [['betas', literal([beta1, beta2])] as const]),
  ...given(['eps', epsilon, 1e-7]),
];

/** Optimizers with their options under PyTorch's names; a usual epsilon is not written. */
const rules: Readonly<Record<string, Rule>> = {
  sgd: {
    name: 'SGD',
    knows: ['momentum', 'nesterov'],
    arguments: ({ momentum, nesterov }) => given(['momentum', momentum, 0], ['nesterov', Number(momentum) > 0 && nesterov, false]),
    decay: ({ momentum }) => (momentum === 0 ? {} : undefined),
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
    arguments: (options) => [...betas(options), ...given(['amsgrad', options.amsgrad, false])],
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
      given(['alpha', rho, 0.99], ['momentum', momentum, 0], ['centered', centered, false], ['eps', epsilon, 1e-7]),
  },
  adagrad: {
    name: 'Adagrad',
    knows: ['initialAccumulatorValue', 'epsilon'],
    arguments: ({ initialAccumulatorValue, epsilon }) => given(['initial_accumulator_value', initialAccumulatorValue, 0], ['eps', epsilon, 1e-7]),
  },
  adadelta: {
    name: 'Adadelta',
    knows: ['rho', 'epsilon'],
    arguments: ({ rho, epsilon }) => given(['rho', rho, 0.9], ['eps', epsilon, 1e-6]),
  },
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
  useEma: ({ emaMomentum }) => `keep means of the weights, of decay ${literal(emaMomentum)}: torch.optim.swa_utils.AveragedModel`,
};

const isInSteps = (rate: unknown): boolean => isDescribed(rate) && rate.name === 'piecewiseConstantDecay';

/** The rate that the optimizer is made with. A schedule's shares are of 1 where its function gives rates, or where it starts at 0. */
function baseRate(rate: unknown): number {
  if (!isDescribed(rate)) return typeof rate === 'number' ? rate : 0.01;
  const first = isOwn(rate) ? 1 : firstRateOf(rate.name, rate.config);
  return first === 0 && isInSteps(rate) ? 1 : first;
}

const scheduled = (share: string): string => `schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, ${share})`;
const afterStep = '# after each step: schedule.step()';

function scheduleLines(rate: unknown): string[] {
  if (!isDescribed(rate)) return [];
  if (isOwn(rate)) return [noted(scheduled(rate.name), [ofOwn(rate.name, 'PyTorch')]), afterStep];
  if (!isInSteps(rate)) return [`# its learning rate follows a schedule: ${JSON.stringify(rate)}`];
  const { boundaries, values } = rate.config as { readonly boundaries: readonly number[]; readonly values: readonly number[] };
  const shares = values.map((value) => Number((value / baseRate(rate)).toPrecision(6)));
  const list = (numbers: readonly number[]): string => `[${numbers.map(String).join(', ')}]`;
  return [`shares = ${list(shares)}`, scheduled(`lambda step: shares[sum(step > bound for bound in ${list(boundaries)})]`), afterStep];
}

export function optimizerLines(value: unknown): string[] {
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
    ...(decays && !decay
      ? [`before each step: multiply weights by 1 - lr * ${literal(config.weightDecay)}; weight_decay would add to gradients`]
      : []),
    ...others.map(([key, option]) => loops[key]?.(config) ?? `not written: ${key} ${saying(option)}`),
  ];
  const settings: Arguments = [
    ['lr', literal(baseRate(config.learningRate))],
    ...rule.arguments(config),
    ...(decay ? [['weight_decay', literal(config.weightDecay)] as const, ...(decay.arguments ?? [])] : []),
  ];
  return [
    noted(`optimizer = torch.optim.${decay?.name ?? rule.name}(${argumentList(['model.parameters()'], settings)})`, notes),
    ...scheduleLines(config.learningRate),
    ...Object.entries(clips).flatMap(([key, line]) => (config[key] === undefined ? [] : [line(literal(config[key]))])),
  ];
}
