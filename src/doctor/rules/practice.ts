import { countOf } from '../../core/count.js';
import type { LayerFacts, NetworkFacts } from '../../vitals/facts.js';
import type { Trace } from '../../vitals/trace.js';
import type { Examination } from '../examination.js';
import { median, value } from '../measured.js';
import { remedies } from '../remedies.js';
import { percent, type Rule, type Symptom, say, unlearned } from '../rule.js';

export const clippingAlways: Rule = {
  id: 'clipping-always',
  title: 'Clipping at every step',
  looksFor: 'the factor by which clipping multiplies the gradients at the observed steps',
  threshold:
    'it acts at each of at least five observed steps; ill if it leaves less than a hundredth of the gradient, unless the optimizer divides by the size of the gradient: there a common factor of all gradients cancels out',
  why: 'clipping is meant for rare large steps, but here it sets the length of all of them: the clipping threshold acts as the learning rate',
  remedies: [remedies.raiseClip, remedies.standardizeInputs],
  check({ trace, facts, adaptive }) {
    const scales = trace.steps.flatMap(({ clipScale }) => value(clipScale) ?? []);
    const byLayer = scalesByLayer(trace, facts);
    const always = [...byLayer].filter(([, own]) => own.every(acts));
    const strongest = [...always].sort(([, a], [, b]) => median(a) - median(b))[0];
    const acting = byLayer.size > 0 ? (strongest?.[1] ?? []) : scales;
    if (acting.length < 5 || !acting.every(acts)) return [];
    const typical = median(acting);
    const where = strongest ? ` on ${always.length === 1 ? strongest[0] : `${always.length} of ${byLayer.size} layers`}` : '';
    const of = strongest && always.length > 1 ? ` of ${strongest[0]}` : '';
    const ill = typical < 0.01 && !adaptive;
    return [
      {
        severity: ill ? 'ill' : 'risk',
        layers: always.map(([name]) => name),
        measured: { what: 'share of the gradient left by clipping', value: typical },
        expected: { from: ill ? 0.01 : 0.99, why: 'clipping is for rare large steps' },
        margin: ill ? 0.01 / typical : 1,
        cause: `clipping acted at all ${acting.length} observed steps${where} and left ${percent(typical)} of the gradient${of}`,
      },
    ];
  },
};

const acts = (scale: number): boolean => scale < 0.99;

/** By what clipping multiplied the gradients of each layer at the observed steps; empty where it does not act by layer. */
function scalesByLayer({ header, steps }: Trace, { layers }: NetworkFacts): Map<string, number[]> {
  const owner = new Map<string, string>(layers.flatMap(({ layer, weights }) => weights.map(({ name }) => [`${layer}/${name}`, layer] as const)));
  const found = new Map<string, number[]>();
  for (const { arrays } of steps) {
    const least = new Map<string, number>();
    arrays?.clipScale?.forEach((scale, i) => {
      const [layer, known] = [owner.get(header.arrays[i] ?? ''), value(scale)];
      if (layer !== undefined && known !== undefined) least.set(layer, Math.min(least.get(layer) ?? 1, known));
    });
    for (const [layer, scale] of least) found.set(layer, [...(found.get(layer) ?? []), scale]);
  }
  return found;
}

export const misplacedNormalization: Rule = {
  id: 'misplaced-normalization',
  title: 'Normalization in the wrong place',
  looksFor: 'normalization after the last layer with weights, two normalizations in a row, or a bias or dropout right before batch normalization',
  threshold:
    'none: it follows from the architecture (Ioffe and Szegedy 2015, section 3.2; Li et al. 2019, "Understanding the disharmony between dropout and batch normalization")',
  why: 'outputs are forced to mean 0 and variance 1 whatever the targets are; a bias before batch normalization is subtracted again; dropout before it makes training and test statistics differ',
  remedies: [remedies.moveNormalization],
  check({ facts, uses, users }) {
    const found: Symptom[] = [];
    const add = (severity: Symptom['severity'], layer: LayerFacts, cause: string): void => {
      found.push({
        severity,
        layers: [layer.name],
        step: 0,
        measured: { what: 'misplaced', value: 1 },
        expected: { to: 0, why: 'normalization belongs between the pre-activation and the activation of a hidden layer' },
        margin: severity === 'ill' ? 10 : 1,
        cause,
      });
    };
    const heads = new Set(uses.filter(({ head, layer }) => head && layer.role === 'weights').map(({ at }) => at));
    for (const layer of facts.layers) {
      const before = facts.layers[layer.inputs[0] ?? -1];
      if (layer.role !== 'normalization' || !before) continue;
      if (heads.has(layer.inputs[0] ?? -1))
        add(
          'risk',
          layer,
          `${layer.name} follows ${before.name}, the last layer with weights: its output has mean 0 and variance 1 whatever the targets are`,
        );
      if (layer.kind !== 'batchNormalization') continue;
      if (before.role === 'normalization' && before.kind !== 'normalization')
        add('risk', layer, `${layer.name} normalizes the output of ${before.name}, which is already normalized`);
      if (before.role === 'noise')
        add('risk', layer, `${layer.name} directly follows ${before.name}, whose noise affects its statistics during training but not afterwards`);
      const bias = before.weights.some(({ name, trainable }) => name === 'bias' && trainable);
      if (
        before.role === 'weights' &&
        bias &&
        (before.activation?.name ?? 'linear') === 'linear' &&
        users[layer.inputs[0] ?? -1]?.length === 1 &&
        layer.trainable
      )
        add('risk', before, `${before.name} has a bias that ${layer.name} subtracts again; remove it with useBias: false`);
    }
    return found;
  },
};

export const smallBatchStatistics: Rule = {
  id: 'small-batch-statistics',
  title: 'Batch too small for its statistics',
  looksFor: 'batch normalization trained on minibatches of few rows',
  threshold:
    'risk below 8 rows, ill below 3: the variance estimated from n rows is off by √(2/(n − 1)), which is 100 % for 3 rows and 53 % for 8; a single row has no variance at all',
  why: 'each step normalizes by statistics that are mostly noise, and those used for prediction differ from them',
  remedies: [remedies.largerBatch, remedies.batchFreeNormalization],
  check({ facts, trace }) {
    const rows = trace.header.training?.batchSize;
    const layers = facts.layers.filter(({ kind, trainable }) => kind === 'batchNormalization' && trainable);
    if (rows === undefined || rows >= 8 || layers.length === 0) return [];
    const limit = rows < 3 ? 3 : 8;
    return [
      {
        severity: limit === 3 ? 'ill' : 'risk',
        layers: layers.map(({ name }) => name),
        step: 0,
        measured: { what: 'rows per minibatch', value: rows },
        expected: { from: limit, why: 'estimating a variance takes enough rows' },
        cause: `batch variances are estimated from ${countOf(rows, 'row')} and are ${rows < 2 ? 'meaningless' : `off by about ${say(100 * Math.sqrt(2 / (rows - 1)))} %`}`,
      },
    ];
  },
};

/** What is added to the first loss, and what there is to learn: the loss of chance, or the first one; undefined where nothing is added. */
export function penaltyAt({ first, learnable }: Examination): { readonly penalty: number; readonly learnable: number } | undefined {
  const penalty = value(first?.penalty);
  return penalty !== undefined && learnable !== undefined && learnable > 0 ? { penalty, learnable } : undefined;
}

/** Whether an option is a regularizer that acts: on activities, or on an array that is trained. */
export const isActive = (option: string, trainable: boolean): boolean =>
  option === 'activityRegularizer' || (trainable && /Regularizer$/.test(option));

/** Whether a layer, or one within it, adds a penalty to the loss. */
function isPenalized({ kind, options, trainable }: LayerFacts): boolean {
  const holds = (given: unknown): boolean =>
    typeof given === 'object' && given !== null && Object.entries(given).some(([key, value]) => isActive(key, trainable) || holds(value));
  return kind === 'activityRegularization' || holds(options);
}

/** Parts of what there is to learn from which on a penalty is too strong. */
const HEAVY = { ill: 8, risk: 2 };

export const strongPenalty: Rule = {
  id: 'strong-penalty',
  bearable: true,
  leadsTo: ['vanishing-gradient', 'signal-dying', 'died-in-training', 'step-too-large', 'uneven-speeds', ...unlearned],
  title: 'Penalty too strong',
  looksFor:
    'the penalties that regularizers and layers add to the loss of the first step, over the chance-level loss or, if that is unknown, over the first loss without them',
  threshold: `risk from ${HEAVY.risk}, ill from ${HEAVY.ill}: as long as the penalty exceeds what there is to learn, steps shrink weights instead of learning. Measured on the glyphs, with 2 and 5 layers of 64 units under l2: up to 1 they learn nearly as well as without a penalty, from 3 on most end worse than neighbours, from 8 on all. Usual strengths (1e-4) add a few hundredths`,
  why: 'the gradients of the penalty outweigh those of the error: weights shrink until nothing passes through them',
  remedies: [remedies.weakenRegularizers],
  check(examination) {
    const { penalty, learnable } = penaltyAt(examination) ?? {};
    if (penalty === undefined || learnable === undefined || learnable < 0 || !(penalty > HEAVY.risk * learnable)) return [];
    const severity = penalty > HEAVY.ill * learnable ? ('ill' as const) : ('risk' as const);
    const part = penalty / learnable;
    return [
      {
        severity,
        layers: examination.facts.layers.filter(isPenalized).map(({ name }) => name),
        step: 0,
        measured: { what: 'penalty over what there is to learn', value: part },
        expected: { to: HEAVY[severity], why: 'a penalty should only tip the balance between solutions' },
        // From where risks begin: what a training bore of an ill one is a clear risk.
        margin: part / HEAVY.risk,
        cause: `penalties add ${say(penalty)} to the first loss, ${say(part)} times ${examination.constantLoss === undefined ? 'the loss without them' : 'the chance-level loss, which is all that can be learned away'}`,
      },
    ];
  },
};

/** Share of a signal's paths that dropout leaves, below which a network learns from noise; with 0.002 left some still learned to tell two or three classes apart. */
const FEW_PATHS = { ill: 0.001, risk: 0.1 };

/** What dropout leaves along a way, and the layers on it that drop. */
interface Way {
  readonly kept: number;
  readonly dropping: readonly string[];
}

/** The way on which most is dropped. */
const narrowest = (ways: readonly (Way | undefined)[]): Way =>
  ways.reduce<Way>((least, way) => (way && way.kept < least.kept ? way : least), { kept: 1, dropping: [] });

export const strongDropout: Rule = {
  id: 'strong-dropout',
  bearable: true,
  leadsTo: unlearned,
  title: 'Dropout too strong',
  looksFor: 'dropout layers between the input and an output: the product of their keep rates',
  threshold:
    'risk below 0.1, ill below 0.001 or if the network learned too little: each dropout multiplies the noise in the pre-activations by 1 over its keep rate (Srivastava et al. 2014 keep a half or more), and the factors multiply with depth',
  why: 'the signal of a row drowns in the noise of which units happen to be dropped',
  remedies: [remedies.lowerDropout],
  check({ facts }) {
    const ways: Way[] = [];
    for (const { name, kind, inputs, options } of facts.layers) {
      const { kept, dropping } = narrowest(inputs.map((from) => ways[from]));
      const rate = /^(alpha|spatial)?dropout/i.test(kind) ? Number(options.rate ?? 0) : 0;
      ways.push(rate > 0 ? { kept: kept * (1 - rate), dropping: [...dropping, name] } : { kept, dropping });
    }
    const { kept: least, dropping } = narrowest(facts.outputs.map((at) => ways[at]));
    if (!(least < FEW_PATHS.risk)) return [];
    const limit = least < FEW_PATHS.ill ? FEW_PATHS.ill : FEW_PATHS.risk;
    return [
      {
        severity: least < FEW_PATHS.ill ? 'ill' : 'risk',
        layers: dropping,
        step: 0,
        measured: { what: 'share of paths left by dropout', value: least },
        expected: { from: limit, why: 'the signal must exceed its noise' },
        cause: `${dropping.length === 1 ? `${dropping[0]} leaves` : `${dropping.length} dropout layers in a row leave`} ${say(100 * least)} % of the paths from input to output`,
      },
    ];
  },
};
