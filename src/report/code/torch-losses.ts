import { described, isOwn, ofOwn, picked, saying } from './calls.js';
import { literal, noted } from './python.js';
import type { Training } from './training.js';

type Options = Readonly<Record<string, unknown>>;

interface Loss {
  readonly code: string;
  readonly notes?: readonly string[];
  /** What the output's activation is in PyTorch's loss already; other activations are no logits. */
  readonly holds?: string;
}

const ofLogits = 'takes logits: remove the activation that turns them into probabilities';
const classesFirst = 'takes classes on axis 1: pass outputs.movedim(-1, 1)';

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
    ...(labelSmoothing === 0 ? {} : { notes: [`smooth the targets first: y * ${1 - Number(labelSmoothing)} + ${Number(labelSmoothing) / 2}`] }),
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
  hinge: () => ({ code: 'lambda x, y: (1 - y * x).clamp_min(0).mean()', notes: ['targets must be -1 and 1'] }),
  squaredHinge: () => ({ code: 'lambda x, y: ((1 - y * x).clamp_min(0) ** 2).mean()', notes: ['targets must be -1 and 1'] }),
};

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
  if (only && made.length === 1) {
    const called = only.code.startsWith('lambda') ? `(${only.code})` : only.code;
    const weighed = lossWeights && only.code !== 'None';
    return [noted(`loss = ${weighed ? `lambda output, target: ${literal(weights[0])} * ${called}(output, target)` : only.code}`, only.notes ?? [])];
  }
  return [
    'losses = [',
    ...made.map(({ code, notes = [] }) => noted(`${code},`, notes, '    ')),
    ']',
    `weights = [${weights.map(literal).join(', ')}]`,
    `loss = lambda outputs, targets: sum(w * one(x, y) for w, one, x, y in zip(weights, losses, outputs, targets))`,
  ];
}
