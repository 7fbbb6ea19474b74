import type { Described } from '../../../core/catalogue.js';
import type { ModelConfig } from '../../../model/config.js';
import { withLayer } from '../../../model/rewire.js';
import type { LayerFacts } from '../../../vitals/facts.js';
import { sayLayers } from '../../rule.js';
import type { Change, Chart, Method } from '../method.js';
import { changed } from '../patient.js';
import { clipped } from './training.js';
import { named, withOptions } from './wiring.js';

/** Recurrent layers whose state no gate guards; what is frozen was learned as it is. */
function ungated({ facts }: Chart): LayerFacts[] {
  return facts.layers.filter(({ kind, trainable }) => kind === 'simpleRnn' && trainable);
}

function remade(chart: Chart, layers: readonly LayerFacts[], change: (config: ModelConfig, name: string) => ModelConfig, what: string): Change[] {
  const names = [...new Set(layers.map(({ layer }) => layer))];
  if (names.length === 0) return [];
  return [{ patient: changed(chart.patient, names.reduce(change, chart.patient.config), names), what: `${what} ${sayLayers(names)}` }];
}

const recurrentOf = ({ weights }: LayerFacts): Described | undefined => weights.find(({ name }) => name === 'recurrentKernel')?.initializer;

/** Whether recurrent weights are drawn to keep a state's size. */
function keepsSize(layer: LayerFacts): boolean {
  const { name, config } = recurrentOf(layer) ?? {};
  return (name === 'orthogonal' || name === 'identity') && (config?.gain ?? 1) === 1;
}

/** Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2014. Rectifiers begin from the identity instead. */
export const orthogonalRecurrence: Method = {
  alters: ['initializers', 'weights'],
  apply(chart) {
    const drawn = ungated(chart).filter((layer) => layer.activation?.name !== 'relu' && recurrentOf(layer) && !keepsSize(layer));
    return remade(
      chart,
      drawn,
      (config, name) => withOptions(config, name, { recurrentInitializer: named('orthogonal') }),
      'use orthogonal recurrent weights for',
    );
  },
};

/** Global norm that gradients of a kept state are clipped to: the least that Le et al. search. */
const CLIP = 1;

/** Le, Jaitly and Hinton, "A simple way to initialize recurrent networks of rectified linear units", 2015. */
export const identityRecurrence: Method = {
  alters: ['activations', 'optimizer', 'initializers', 'weights'],
  supersedes: ['orthogonal-recurrence'],
  apply(chart) {
    const others = ungated(chart).filter((layer) => layer.activation?.name !== 'relu' || recurrentOf(layer)?.name !== 'identity');
    const options = { activation: named('relu'), recurrentInitializer: named('identity') };
    const kept = remade(
      chart,
      others,
      (config, name) => withOptions(config, name, options),
      'use relu and start with recurrent weights that preserve the state, in',
    );
    // What a kept state adds up has no bound, and its gradients neither.
    return kept.map((change) => clipped(change, CLIP));
  },
};

export const gatedRecurrence: Method = {
  alters: ['architecture'],
  supersedes: ['orthogonal-recurrence', 'identity-recurrence'],
  apply(chart) {
    const withGates = (config: ModelConfig, name: string): ModelConfig =>
      withLayer(config, name, ({ config: { activation: _, recurrentInitializer: __, ...options }, ...layer }) => ({
        ...layer,
        kind: 'lstm',
        config: options,
      }));
    return remade(chart, ungated(chart), withGates, 'protect the state with the gates of an LSTM in');
  },
};
