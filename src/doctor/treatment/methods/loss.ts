import type { Described } from '../../../core/catalogue.js';
import type { DescribedCompile } from '../../../model/config.js';
import type { LayerFacts } from '../../../vitals/facts.js';
import { tableActivation } from '../../forecast/lookups.js';
import { sayLayers } from '../../rule.js';
import { drops, takenBy } from '../../rules/loss.js';
import { aimsOf, beyondReach } from '../../rules/targets.js';
import { ending } from '../../uses.js';
import type { Chart, Method } from '../method.js';
import { changed, type Patient } from '../patient.js';
import { withCompile } from './training.js';
import { named, withActivation, withOptions } from './wiring.js';

/** The last activation, or the loss, that the other one is meant for. */
interface Mended {
  readonly activation?: string;
  readonly loss?: Described;
}

/** Ways to make a pair that does not match match, the one that is meant first; where other layers come `behind`, what the loss takes can be said whatever those do. */
function mendings({ activation }: LayerFacts, loss: Described, behind: boolean): readonly Mended[] {
  const takes = takenBy(loss);
  const known = activation && tableActivation(activation);
  if (!takes || (activation && !known)) return [];
  const linear = (known?.name ?? 'linear') === 'linear';
  const fits = known?.gives === (takes.of === 'categories' ? 'distribution' : 'probabilities');
  if (takes.logits ? linear : fits) return [];
  const by = (fromLogits: boolean): Mended => ({ loss: { ...loss, config: { ...loss.config, fromLogits } } });
  const end = (ending: string): Mended => ({ activation: ending });
  const ofProbabilities = fits ? [by(false)] : [];
  const ofLogits = linear ? [by(true)] : [];
  if (takes.of === 'decisions' && takes.logits) return [...ofProbabilities, end('linear')];
  const ending = takes.logits ? 'linear' : takes.of === 'categories' ? 'softmax' : 'sigmoid';
  const others = takes.logits ? ofProbabilities : ofLogits;
  return behind ? [...others, end(ending)] : [end(ending), ...others];
}

export const mendLoss: Method = {
  alters: ['loss'],
  apply({ patient, facts, examination, keep }: Chart) {
    const losses = examination.trace.header.training?.losses ?? [];
    const beyond = aimsOf(examination).filter((aim) => beyondReach(aim) > 0);
    const said: string[] = [];
    const made = facts.outputs.reduce((treated: Patient, output, i): Patient => {
      const missed = beyond.find((aim) => aim.output === i);
      const [last, given] = [ending(facts, output), losses[i]];
      const at = missed?.at ?? last?.at ?? output;
      const layer = facts.layers[at];
      const dropped = given && takenBy(given) ? (last?.behind.filter(drops) ?? []).map(({ layer: name }) => name) : [];
      if (dropped.length > 0) {
        said.push(`disable ${sayLayers(dropped)} after the last layer`);
        return changed(
          treated,
          dropped.reduce((made, name) => withOptions(made, name, { rate: 0 }), treated.config),
        );
      }
      const ways: readonly Mended[] = missed
        ? [{ activation: 'linear' }]
        : layer && given
          ? mendings(layer, given, (last?.behind.length ?? 0) > 0)
          : [];
      const mended = ways.find(({ activation }) => activation === undefined || !keep.includes('activations'));
      if (!layer || !mended) return treated;
      const { activation, loss } = mended;
      if (activation) {
        said.push(`use ${activation} as the activation of ${layer.name}`);
        return changed(treated, withActivation(treated.config, at, named(activation)));
      }
      said.push(`use the loss ${loss?.name} on ${loss?.config.fromLogits === true ? 'logits' : 'probabilities'}`);
      const { loss: all } = treated.config.compile as DescribedCompile & { readonly loss: readonly unknown[] };
      return withCompile(treated, { loss: all.map((one, k) => (k === i ? loss : one)) });
    }, patient);
    return said.length === 0 ? [] : [{ patient: made, what: said.join(', ') }];
  },
};
