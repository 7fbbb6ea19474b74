import { countOf } from '../../core/count.js';
import { spreadOf } from '../../vitals/features.js';
import { hasCell, walksAlongSteps } from '../forecast/lookups.js';
import { value } from '../measured.js';
import { remedies } from '../remedies.js';
import { percent, type Rule, say, sayRange, unlearned } from '../rule.js';

/** RMS from which on a network is flooded: of its first sums, and of features that are added to a state. */
const FLOOD = { sums: 83, features: 75 } as const;

/** What features that are too large do. */
const effects = [
  ...['not-finite', 'vanishing-gradient', 'vanishing-along-time', 'signal-dying', 'saturation', 'died-in-training', 'coma', 'step-too-large'],
  ...['loss-oscillates', 'initial-loss'],
];

export const rawFeatures: Rule = {
  id: 'raw-features',
  bearable: true,
  leadsTo: [...effects, ...unlearned],
  title: 'Features that are not standardized',
  looksFor:
    'inputs that are not standardized or rescaled before the first layer with weights: their RMS, their means and how much their standard deviations differ, and the size of the pre-activations they produce there',
  threshold: `risk: the RMS lies outside [0.1, 5], a mean exceeds three standard deviations, or the deviations differ by more than a factor of 30 (unless all features share a unit, such as grey levels). The curvature of the loss grows with the square of the features, and one learning rate must serve all of them (LeCun et al. 1998, "Efficient BackProp"). Ill: the first pre-activations have an RMS above ${FLOOD.sums} (in layers that process a sequence step by step: the features, above ${FLOOD.features}) and are not normalized, so activations start in their flat regions, or the first loss is that many times too large. In front of an LSTM it is only a risk: its cell adds up what saturated gates let through; of 22 such networks 7 trained well and 6 badly, which their training shows`,
  why: 'the largest features dominate and dictate the learning rate, and the first layer saturates',
  remedies: [remedies.standardizeInputs],
  check(examination) {
    return (examination.trace.header.data ?? []).flatMap((data) => {
      const { layer, rms, featureDeviations } = data;
      const [least, most] = featureDeviations;
      const input = examination.facts.layers[layer];
      if (!input || examination.standardized(layer)) return [];
      const off = rms > 5 ? rms / 5 : rms > 0 && rms < 0.1 ? 0.1 / rms : 1;
      const spread = spreadOf(data);
      const typical = Math.sqrt(spread.least * spread.most);
      const uneven = spread.least > 0 ? spread.most / spread.least / 30 : 1;
      const shifted = typical > 0 ? spread.mean / typical / 3 : 1;
      if (Math.max(off, uneven, shifted) <= 1) return [];
      const bottom = examination.uses.find((use) => use.layer.role === 'weights');
      const z = value(examination.first?.signals.zRms[bottom?.column ?? -1]) ?? (bottom && examination.forecast.layers[bottom.at]?.zRms?.value);
      // What walks along steps has its own state in its sums, and hands it on: features make its first ones about as large as they are.
      const walking = examination.facts.layers.slice(0, (bottom?.at ?? 0) + 1).find(walksAlongSteps);
      const size = { what: `RMS of ${input.name}`, value: rms };
      const flood = walking ? size : { what: `RMS of the pre-activations of ${bottom?.layer.name}`, value: z ?? 0 };
      const limit = walking ? FLOOD.features : FLOOD.sums;
      const flooded = flood.value > limit && !(bottom && examination.normalizedBehind(bottom.at));
      return [
        {
          severity: flooded && !(walking && hasCell(walking)) ? ('ill' as const) : ('risk' as const),
          layers: [input.name],
          step: 0,
          measured: flooded ? flood : size,
          expected: flooded
            ? { to: limit, why: 'pre-activations must start near the bend of the activation' }
            : { from: 0.1, to: 5, why: 'features should be of about unit size' },
          margin: flooded ? flood.value / limit : Math.max(off, uneven, shifted),
          cause: `the features of ${input.name} have an RMS of ${say(rms)}${most > 0 ? ` and standard deviations ${sayRange(say(least), say(most))}` : ''}, and they are not standardized${flooded && !walking ? `: the pre-activations of ${bottom?.layer.name} have an RMS of ${say(flood.value)}` : ''}`,
        },
      ];
    });
  },
};

export const constantFeatures: Rule = {
  id: 'constant-features',
  title: 'Constant features',
  looksFor: 'features that have the same value in every row of the sample',
  threshold: 'more than half of the features: images have constant borders, but tables should have no constant columns',
  why: 'their weights act as biases, and learn nothing from the data',
  remedies: [remedies.dropConstantFeatures],
  check({ trace, facts }) {
    return (trace.header.data ?? []).flatMap(({ layer, constantFeatures: constant, features, rows }) => {
      const share = constant / features;
      if (!(share > 0.5) || rows < 16) return [];
      return [
        {
          severity: 'risk' as const,
          layers: [facts.layers[layer]?.name ?? 'input'],
          step: 0,
          measured: { what: 'share of constant features', value: share },
          expected: { to: 0.5, why: 'features must vary to distinguish rows' },
          cause: `${constant} of ${countOf(features, 'feature')} (${percent(share)}) have the same value in all ${countOf(rows, 'row')} examined`,
        },
      ];
    });
  },
};
