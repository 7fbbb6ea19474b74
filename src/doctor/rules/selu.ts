import type { LayerFacts } from '../../vitals/facts.js';
import type { Examination, WatchedUse } from '../examination.js';
import { walksAlongSteps } from '../forecast/lookups.js';
import { remedies } from '../remedies.js';
import type { Rule, Symptom } from '../rule.js';
import { allBehind } from '../uses.js';

/** Klambauer et al. 2017, section 3: what self-normalization asks for, each condition on its own. */

const seluUses = ({ uses }: Examination): WatchedUse[] => uses.filter(({ activation }) => activation?.name === 'selu');

const why = 'outside its conditions SELU does not pull mean and variance back to 0 and 1, and is an activation like any other';
const source =
  'Klambauer et al., "Self-normalizing neural networks", 2017, prove a fixed point at mean 0 and variance 1 for standardized inputs, LeCun normal weights, and plain sequences of dense layers with alpha dropout';

const namesOf = (uses: readonly WatchedUse[]): string[] => uses.map(({ layer }) => layer.name);

function broken(
  layers: readonly string[],
  symptom: Omit<Symptom, 'severity' | 'layers' | 'margin' | 'expected'> & { readonly expected?: Symptom['expected'] },
): Symptom[] {
  return [
    {
      severity: 'risk',
      layers,
      margin: 1,
      expected: { to: 0, why: 'a condition of self-normalization' },
      step: 0,
      ...symptom,
    },
  ];
}

export const seluInputs: Rule = {
  id: 'selu-inputs',
  title: 'SELU on raw inputs',
  looksFor: 'SELU networks whose input is standardized neither in the network nor in the data',
  threshold: `${source}. Inputs with a mean beyond ±0.5 or a deviation outside [0.5, 2], over all features, count as raw`,
  why,
  remedies: [remedies.standardizeInputs],
  check(examination) {
    const uses = seluUses(examination);
    const raw = (examination.trace.header.data ?? []).find(({ layer, mean, rms }) => {
      const deviation = Math.sqrt(Math.max(0, rms * rms - mean * mean));
      return !examination.standardized(layer) && (Math.abs(mean) > 0.5 || deviation > 2 || deviation < 0.5);
    });
    if (uses.length === 0 || !raw) return [];
    const name = examination.facts.layers[raw.layer]?.name ?? 'the input';
    return broken(namesOf(uses), {
      measured: { what: `RMS of ${name}`, value: raw.rms },
      expected: { from: 0.5, to: 2, why: 'SELU preserves mean 0 and variance 1 only if the input has them' },
      cause: `${name} has mean ${Number(raw.mean.toPrecision(2))} and RMS ${Number(raw.rms.toPrecision(2))}, and is not standardized; SELU preserves mean 0 and variance 1 only if the input has them`,
    });
  },
};

export const seluInitializer: Rule = {
  id: 'selu-initializer',
  title: 'SELU without LeCun normal weights',
  looksFor: 'hidden SELU layers whose kernel initializer is none of lecunNormal, auto, critical, lsuv or orthogonal',
  threshold: source,
  why,
  remedies: [remedies.lecunNormal],
  check(examination) {
    const fitting = ['lecunNormal', 'auto', 'critical', 'lsuv', 'orthogonal'];
    const wrong = seluUses(examination).filter(({ layer, head }) => {
      const drawn = layer.weights.find(({ name }) => name === 'kernel')?.initializer;
      return !head && drawn !== undefined && !fitting.includes(drawn.name);
    });
    const [first] = wrong;
    if (!first) return [];
    const name = first.layer.weights.find((weight) => weight.name === 'kernel')?.initializer?.name;
    return broken(namesOf(wrong), {
      measured: { what: 'SELU layers with other initializers', value: wrong.length },
      cause: `${wrong.length} SELU ${wrong.length === 1 ? 'layer initializes its' : 'layers initialize their'} kernel with ${name}; self-normalization needs variance 1/fan_in: lecunNormal`,
    });
  },
};

export const seluDropout: Rule = {
  id: 'selu-dropout',
  title: 'Dropout with SELU',
  looksFor: 'dropout, or Gaussian dropout, in a network whose hidden layers use SELU',
  threshold: source,
  why,
  remedies: [remedies.alphaDropout],
  check(examination) {
    const uses = seluUses(examination);
    const dropped = examination.facts.layers.filter(({ kind }) => kind === 'dropout' || kind === 'gaussianDropout');
    const [first] = dropped;
    if (uses.length === 0 || !first) return [];
    return broken(
      dropped.map(({ name }) => name),
      {
        measured: { what: 'dropout layers', value: dropped.length },
        expected: { to: 0, why: 'alpha dropout preserves mean and variance, dropout does not' },
        cause: `${first.name} ${first.kind === 'dropout' ? 'sets values to 0, but SELU saturates at −1.76, so mean and variance shift' : 'multiplies values by noise, which preserves their mean but raises their variance'}; alpha dropout preserves both`,
      },
    );
  },
};

/** What each does to a signal of variance 1. */
function doing({ kind, role }: LayerFacts): string {
  if (role !== 'merge') return 'carries a state from step to step: inputs add to it, so its variance is not that of a plain sequence of dense layers';
  if (kind === 'add' || kind === 'subtract')
    return 'merges signals: the sum of two signals of variance 1 has variance 2, which the next SELU layer has to correct';
  return 'merges signals: the proof, which is for plain sequences of dense layers, does not cover its output';
}

export const seluWiring: Rule = {
  id: 'selu-wiring',
  title: 'SELU with skip connections or recurrence',
  looksFor: 'additions, concatenations, other merges and recurrent layers after SELU layers, and recurrent layers with SELU',
  threshold: source,
  why,
  remedies: [remedies.normalize, remedies.changeActivation],
  check(examination) {
    const uses = seluUses(examination);
    // What is merged, or walked along, before the first of them is what comes in: `selu-inputs` looks at that.
    const places = new Set(uses.map(({ at }) => at));
    const reached = allBehind(examination.facts, places);
    const merges = examination.facts.layers.filter(
      (layer, at) => (layer.role === 'merge' && reached.has(at)) || (walksAlongSteps(layer) && (reached.has(at) || places.has(at))),
    );
    const [first] = merges;
    if (uses.length === 0 || !first) return [];
    return broken(
      merges.map(({ name }) => name),
      {
        measured: { what: 'merges and recurrent layers', value: merges.length },
        expected: { to: 0, why: 'the proof is for plain sequences of dense layers' },
        cause: `${first.name} ${doing(first)}`,
      },
    );
  },
};

export const seluLayers: Rule = {
  id: 'selu-layers',
  title: 'Other hidden layers among SELU',
  looksFor: 'hidden layers with another activation, or normalization, between SELU layers',
  threshold: source,
  why,
  remedies: [remedies.changeActivation],
  check(examination) {
    const uses = seluUses(examination);
    const [bottom, top] = [uses[0]?.at, uses.at(-1)?.at];
    if (bottom === undefined || top === undefined || uses.length < 2) return [];
    const others = examination.facts.layers.filter(
      ({ role, activation }, at) =>
        at > bottom &&
        at < top &&
        ((role === 'weights' && activation?.name !== 'selu' && activation?.name !== 'linear') ||
          role === 'normalization' ||
          (role === 'activation' && activation?.name !== 'selu')),
    );
    const [first] = others;
    if (!first) return [];
    return broken(
      others.map(({ name }) => name),
      {
        measured: { what: 'other layers between SELU layers', value: others.length },
        expected: { to: 0, why: 'every hidden layer must be a dense layer with SELU' },
        cause: `${first.name} (${first.kind}${first.activation ? `, ${first.activation.name}` : ''}) stands between SELU layers, which keep the variance stable only in an uninterrupted sequence`,
      },
    );
  },
};
