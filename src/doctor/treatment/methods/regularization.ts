import { isRecord } from '../../../core/expect.js';
import { isDescribed } from '../../../layers/registry.js';
import type { ModelConfig } from '../../../model/config.js';
import { sayLayers } from '../../rule.js';
import { isActive, penaltyAt } from '../../rules/practice.js';
import type { Method } from '../method.js';
import { changed } from '../patient.js';
import { rounded } from './training.js';

/** Part of what there is to learn that a penalty may add to the first loss. */
const LIGHT = 0.1;

type Options = Readonly<Record<string, unknown>>;

/** Strengths divided by so much; what is no number stays. */
const divided = (config: Options, times: number): Options =>
  Object.fromEntries(Object.entries(config).map(([key, value]) => [key, typeof value === 'number' ? Number((value / times).toPrecision(2)) : value]));

/** The same of a layer's regularizers, at whatever depth; itself where none acts. Functions of the user's own stay as strong as they are. */
function weakened(value: unknown, times: number, trainable: boolean): unknown {
  if (Array.isArray(value)) {
    const made = value.map((one) => weakened(one, times, trainable));
    return made.some((one, i) => one !== value[i]) ? made : value;
  }
  if (!isRecord(value)) return value;
  const { kind, config } = value;
  if (kind === 'activityRegularization' && isRecord(config)) return { ...value, config: divided(config, times) };
  const made = Object.entries(value).map(([key, one]): [string, unknown] => {
    if (!isActive(key, trainable) || !isDescribed(one)) return [key, weakened(one, times, trainable)];
    return [key, one.custom ? one : { ...one, config: divided(one.config ?? {}, times) }];
  });
  return made.some(([key, one]) => one !== value[key]) ? Object.fromEntries(made) : value;
}

export const weakenRegularizers: Method = {
  alters: ['regularization'],
  apply({ patient, examination }) {
    const { penalty = 0, learnable = 1 } = penaltyAt(examination) ?? {};
    const times = rounded(penalty / (LIGHT * learnable));
    if (!(times > 1)) return [];
    const layers = patient.config.layers.map((layer) => weakened(layer, times, layer.trainable ?? true)) as ModelConfig['layers'];
    const touched = patient.config.layers.filter((layer, i) => layer !== layers[i]).map(({ name, kind }) => name ?? kind);
    if (touched.length === 0) return [];
    return [{ patient: changed(patient, { ...patient.config, layers }), what: `weaken the regularizers of ${sayLayers(touched)} ${times}-fold` }];
  },
};
