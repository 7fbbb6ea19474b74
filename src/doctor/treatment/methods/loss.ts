import type { Described } from '../../../core/catalogue.js';
import type { DescribedCompile } from '../../../model/config.js';
import type { Chart, Method } from '../method.js';
import { changed, type Patient } from '../patient.js';
import { withCompile } from './training.js';
import { named, withActivation } from './wiring.js';

const gives = { distribution: ['softmax', 'sparsemax'], decisions: ['sigmoid', 'hardSigmoid', 'sparseSigmoid'] };

/** The pair of last activation and loss that is meant where what is there does not match. */
function mended(activation: string, loss: Described): { readonly activation?: string; readonly loss?: Described } | undefined {
  const logits = loss.config.fromLogits === true;
  const categorical = /categorical(Focal|Generalized)?Crossentropy$/i.test(loss.name);
  const binary = /^binary/i.test(loss.name) && /crossentropy$/i.test(loss.name);
  const withLogits = (fromLogits: boolean): Described => ({ ...loss, config: { ...loss.config, fromLogits } });
  if (categorical && logits && activation !== 'linear') return { activation: 'linear' };
  if (categorical && !logits && !gives.distribution.includes(activation)) return { activation: 'softmax' };
  if (binary && logits && activation !== 'linear') return { loss: withLogits(false) };
  if (binary && !logits && !gives.decisions.includes(activation)) return { activation: 'sigmoid' };
  return undefined;
}

export const mendLoss: Method = {
  alters: ['loss'],
  apply({ patient, facts, examination }: Chart) {
    const losses = examination.trace.header.training?.losses ?? [];
    const said: string[] = [];
    const made = facts.outputs.reduce((treated: Patient, at, i): Patient => {
      const [layer, loss] = [facts.layers[at], losses[i]];
      const pair = layer && loss && mended(layer.activation?.name ?? 'linear', loss);
      if (!layer || !pair) return treated;
      if (pair.activation) said.push(`end ${layer.name} in ${pair.activation}`);
      if (pair.loss) said.push(`compare by ${pair.loss.name}${pair.loss.config.fromLogits === false ? ' of probabilities' : ''}`);
      const ended = pair.activation ? changed(treated, withActivation(treated.config, at, named(pair.activation))) : treated;
      const { loss: given } = ended.config.compile as DescribedCompile & { readonly loss: readonly unknown[] };
      return pair.loss ? withCompile(ended, { loss: given.map((one, k) => (k === i ? pair.loss : one)) }) : ended;
    }, patient);
    return said.length === 0 ? [] : [{ patient: made, what: said.join(', ') }];
  },
};
