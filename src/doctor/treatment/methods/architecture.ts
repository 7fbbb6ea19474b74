import type { ModelConfig } from '../../../model/config.js';
import { insertAfter, layerAt, usedOnce, withLayer } from '../../../model/rewire.js';
import type { LayerFacts, NetworkFacts } from '../../../vitals/facts.js';
import type { Examination } from '../../examination.js';
import { sayLayers } from '../../rule.js';
import { unbent } from '../../rules/linear.js';
import { allBefore, allBehind } from '../../uses.js';
import type { Change, Chart, Method } from '../method.js';
import { changed, type Patient } from '../patient.js';
import { drawnBy, isDrawable } from './weights.js';
import {
  betweenSumsAndActivation,
  type HiddenUse,
  hasBias,
  hiddenUses,
  meetsFrozen,
  named,
  withActivation,
  withOptions,
  withoutBias,
} from './wiring.js';

/**
 * Activations that answer each, by what it suffers from: a rectifier's units die, a logistic's or tanh's saturate. Where nothing normalizes, SELU goes
 * before tanh: it
 * keeps signals at unit variance by itself, and gradients alive on one side.
 */
const instead: Readonly<Record<string, readonly string[]>> = {
  relu: ['leakyRelu', 'elu', 'selu', 'gelu'],
  relu6: ['leakyRelu', 'elu', 'selu', 'gelu'],
  thresholdedRelu: ['relu', 'elu'],
  sigmoid: ['selu', 'tanh', 'elu'],
  hardSigmoid: ['selu', 'tanh', 'elu'],
  tanh: ['selu', 'elu'],
  hardTanh: ['selu', 'elu'],
  softsign: ['selu', 'elu'],
  softplus: ['elu', 'selu'],
  leakyRelu: ['elu', 'selu'],
  elu: ['selu'],
  linear: [],
};

/** Whether something between the layers normalizes; what standardizes features does not. */
const isNormalized = ({ layers }: NetworkFacts): boolean => layers.some(({ role, kind }) => role === 'normalization' && kind !== 'normalization');

/** SELU's last: its weights are drawn for sums that nothing else normalizes (Klambauer et al. 2017, section 3). */
const seluLast = (names: readonly string[]): string[] => [...names].sort((a, b) => Number(a === 'selu') - Number(b === 'selu'));

/** Activations that weigh features against each other, and one that leaves half of them: no other stands in for these. */
const weighing: ReadonlySet<string> = new Set(['glu', 'softmax', 'logSoftmax', 'sparsemax']);

/** Between 0 and 1: how much of something passes. */
const opening: ReadonlySet<string> = new Set(['sigmoid', 'hardSigmoid']);

/** Whether a use says how much of something else passes. */
function isGate({ users, facts }: Examination, { bent, activation }: HiddenUse): boolean {
  return bent !== undefined && opening.has(activation) && (users[bent] ?? []).some((at) => facts.layers[at]?.kind === 'multiply');
}

/** The patient with uses bent by another activation, and drawn by what suits it. @param said what bends them from now on */
function bentBy(
  patient: Patient,
  uses: readonly (Pick<HiddenUse, 'at' | 'layer'> & { readonly bent?: number | undefined })[],
  to: string,
  said: string,
): Change {
  const drawn = [...new Set(uses.flatMap(({ layer }) => (isDrawable(layer) ? layer.layer : [])))];
  const bent = uses.reduce((config, { at, bent: place = at }) => withActivation(config, place, named(to)), patient.config);
  return {
    patient: changed(patient, drawnBy(bent, drawn, named('auto')), drawn),
    what: `use ${said} as the activation of ${sayLayers(uses.map(({ layer }) => layer.layer))}${drawn.length > 0 ? ', with the initializer that matches it' : ''}`,
  };
}

export const changeActivation: Method = {
  alters: ['activations', 'initializers', 'weights'],
  supersedes: ['critical-initializer', 'lsuv', 'lecun-normal', 'revive-units'],
  apply({ patient, examination, facts }: Chart): Change[] {
    // What is frozen was learned with the activation that it has.
    const all = hiddenUses(examination).filter(
      (use) => use.bent !== undefined && use.layer.trainable && !weighing.has(use.activation) && !isGate(examination, use),
    );
    const [first] = all;
    if (!first) return [];
    const others = instead[first.activation] ?? ['elu', 'selu'].filter((name) => name !== first.activation);
    return (isNormalized(facts) ? seluLast(others) : others).map((to) => {
      const uses = all.filter(({ activation }) => activation !== to);
      const before = sayNames([...new Set(uses.map(({ activation }) => activation))]);
      return { ...bentBy(patient, uses, to, `${to} instead of ${before}`), spares: to === 'selu' ? ['normalize'] : [] };
    });
  },
};

/** What most hidden layers are bent by; ReLU where none is. */
function usual(uses: readonly HiddenUse[]): string {
  const counts = new Map<string, number>();
  for (const { activation } of uses) if (activation in instead && activation !== 'linear') counts.set(activation, (counts.get(activation) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'relu';
}

export const bendLayers: Method = {
  alters: ['activations', 'initializers', 'weights'],
  apply({ patient, examination }: Chart): Change[] {
    const straight = unbent(examination).map(({ use }) => use);
    if (straight.length === 0) return [];
    const to = usual(hiddenUses(examination));
    return [bentBy(patient, straight, to, to)];
  },
};

/** `relu`, `relu and tanh`, `relu, tanh and elu`. */
const sayNames = (names: readonly string[]): string => (names.length <= 1 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`);

/** From the last use on, so that the places of those before it stay. */
function fromTheLast(uses: readonly HiddenUse[], config: ModelConfig, change: (config: ModelConfig, use: HiddenUse) => ModelConfig): ModelConfig {
  return [...uses].sort((a, b) => b.at - a.at).reduce(change, config);
}

/** Fewer rows than this make moments of a minibatch mostly chance. */
const FEW_ROWS = 16;

/** Of the running moments: with Keras's 0.99 they lag 460 steps behind, longer than many trainings. */
const MOMENTUM = 0.9;

export const normalize: Method = {
  alters: ['architecture'],
  apply({ patient, examination, facts }) {
    const uses = hiddenUses(examination).filter(({ bent }) => bent !== undefined);
    if (isNormalized(facts) || uses.length === 0) return [];
    const kind = patient.batchSize < FEW_ROWS ? 'layerNormalization' : 'batchNormalization';
    // Shared layers stay whole; what is frozen keeps its bias, and what it was learned on.
    const parted = uses.filter(({ at, layer }) => layer.trainable && usedOnce(patient.config, at) && !meetsFrozen(examination, at));
    if (parted.length === 0) return [];
    const config = fromTheLast(parted, patient.config, (made, use) => {
      if (kind === 'layerNormalization') return betweenSumsAndActivation(made, use, kind, {});
      return withoutBias(betweenSumsAndActivation(made, use, kind, { momentum: MOMENTUM }), use.layer);
    });
    return [
      {
        patient: changed(patient, config),
        what: `put layers.${kind}() between pre-activation and activation of ${sayLayers(parted.map(({ layer }) => layer.name))}`,
      },
    ];
  },
};

/** Of a shape, how many numbers it holds as far as that is known, and how many of its lengths vary. */
function sizeOf(layer: LayerFacts | undefined): { readonly known: number; readonly varying: number } {
  const shape = layer?.shape ?? [];
  return { known: shape.reduce<number>((all, one) => all * (one ?? 1), 1), varying: shape.filter((one) => one === null).length };
}

/** Whether a skip around what stands between two uses would lead past what was meant to be passed: a narrow code, or what only the user knows. */
function leadsPast({ patient: { config }, facts }: Chart, from: number, to: number): boolean {
  const end = sizeOf(facts.layers[to]);
  const before = allBefore(facts, [to]);
  return [...allBehind(facts, [from])].some((at) => {
    if (!before.has(at)) return false;
    const [layer, size] = [layerAt(config, at), sizeOf(facts.layers[at])];
    return layer?.custom === true || layer?.kind === 'lambda' || size.known < end.known || size.varying < end.varying;
  });
}

export const residual: Method = {
  alters: ['architecture'],
  apply(chart) {
    const { patient, examination, facts } = chart;
    const uses = hiddenUses(examination);
    const pairs: { readonly from: number; readonly to: number }[] = [];
    for (let i = 0; i + 1 < uses.length; i++) {
      const [one, two] = [uses[i], uses[i + 1]];
      const from = one?.layer.inputs[0];
      const to = two?.bent ?? two?.at;
      if (!one || !two || from === undefined || to === undefined) continue;
      if (
        meetsFrozen(examination, to) ||
        !allBehind(facts, [one.at]).has(two.at) ||
        String(facts.layers[from]?.shape) !== String(facts.layers[to]?.shape) ||
        leadsPast(chart, from, to)
      )
        continue;
      pairs.push({ from, to });
      i++;
    }
    if (pairs.length === 0 || facts.layers.some(({ kind }) => kind === 'add')) return [];
    const config = pairs
      .sort((a, b) => b.to - a.to)
      .reduce((made, { from, to }) => insertAfter(made, to, { kind: 'add', config: {} }, [from]), patient.config);
    return [
      {
        patient: changed(patient, config),
        what: pairs.length === 1 ? 'add a skip connection around two layers' : `add ${pairs.length} skip connections, each around two layers`,
      },
    ];
  },
};

/** What a network that suffers from dropout keeps of it at most, and noise that all its layers may add together, in parts of the signal's variance: each adds p / (1 − p). */
const [LITTLE, TOGETHER] = [0.1, 0.3];

export const lowerDropout: Method = {
  alters: ['regularization'],
  apply({ patient, facts }) {
    const dropping = facts.layers.filter(({ kind }) => /^(alpha|spatial)?dropout/i.test(kind));
    const rate = Number(Math.min(LITTLE, TOGETHER / dropping.length).toPrecision(1));
    const strong = dropping.filter(({ options }) => Number(options.rate) > LITTLE).map(({ layer }) => layer);
    if (strong.length === 0) return [];
    const config = strong.reduce((made, name) => withOptions(made, name, { rate }), patient.config);
    return [{ patient: changed(patient, config), what: `lower the dropout rate of ${sayLayers(strong)} to ${rate}` }];
  },
};

export const alphaDropout: Method = {
  alters: ['regularization'],
  apply({ patient, facts }) {
    const dropped = facts.layers.filter(({ kind }) => kind === 'dropout' || kind === 'gaussianDropout').map(({ layer }) => layer);
    if (dropped.length === 0) return [];
    const config = ofKind(patient.config, dropped, 'alphaDropout', 'rate');
    return [{ patient: changed(patient, config), what: `use layers.alphaDropout instead of ${sayLayers(dropped)}` }];
  },
};

/** Layers of another kind under the same names, with those of their options that both have. */
function ofKind(config: ModelConfig, names: readonly string[], kind: string, ...keys: readonly string[]): ModelConfig {
  return names.reduce(
    (made, name) =>
      withLayer(made, name, (layer) => {
        const kept = keys.flatMap((key) => (key in layer.config ? [[key, layer.config[key]]] : []));
        return { ...layer, kind, config: Object.fromEntries(kept) };
      }),
    config,
  );
}

export const moveNormalization: Method = {
  alters: ['architecture'],
  apply({ patient, examination: { users }, facts }) {
    // Layers behind whose sums alone a batch normalization comes; what stands elsewhere too stays as it is there, and so do frozen ones: a normalization's mean holds the bias, and a bias was learned.
    const behind = facts.layers.flatMap(({ kind, inputs: [from = -1], name, trainable }, at) => {
      const before = facts.layers[from];
      if (kind !== 'batchNormalization' || !trainable || before?.role !== 'weights' || !before.trainable) return [];
      if (users[from]?.length !== 1 || !usedOnce(patient.config, from)) return [];
      return [{ at, name, before, from, bends: (before.activation?.name ?? 'linear') !== 'linear' }];
    });
    const late = behind.filter(({ bends }) => bends);
    const parted = late.reduceRight((made, { at, before, from }) => {
      const activation = layerAt(made, from)?.config.activation;
      const straight = withOptions(made, before.layer, { activation: named('linear') });
      return insertAfter(straight, at, { kind: 'activation', config: { activation } });
    }, patient.config);
    const biased = behind.filter(({ before }) => hasBias(before));
    const config = biased.reduce((made, { before }) => withoutBias(made, before), parted);
    if (config === patient.config) return [];
    const moved = late.length > 0 ? `move ${sayLayers(late.map(({ name }) => name))} before the activation` : '';
    const bare = biased.length > 0 ? `remove the bias of ${sayLayers(biased.map(({ before }) => before.name))}` : '';
    return [{ patient: changed(patient, config), what: [moved, bare].filter((part) => part !== '').join(' and ') }];
  },
};

export const batchFreeNormalization: Method = {
  alters: ['architecture'],
  apply({ patient, facts }) {
    // A frozen one takes no statistics of batches.
    const names = facts.layers.filter(({ kind, trainable }) => kind === 'batchNormalization' && trainable).map(({ layer }) => layer);
    if (names.length === 0) return [];
    const config = ofKind(patient.config, names, 'layerNormalization', 'axis', 'epsilon', 'center', 'scale');
    return [{ patient: changed(patient, config, names), what: `use layers.layerNormalization() instead of ${sayLayers(names)}` }];
  },
};
