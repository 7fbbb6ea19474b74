import { describeEntry, isFromTable } from '../core/catalogue.js';
import { ArgumentError, show } from '../core/errors.js';
import { checkList, checkOptionNames, refuse } from '../core/expect.js';
import { resolveInitializer } from '../initializers.js';
import type { Model } from '../model/model.js';
import { factsOf } from '../network/facts.js';
import type { InputFacts, NetworkFacts } from '../vitals/facts.js';
import { walkBackward } from './forecast/backward.js';
import { Forecast } from './forecast/forecast.js';
import { layerForecasts } from './forecast/layers.js';
import { Bends, type Lookups } from './forecast/lookups.js';
import { phaseRuns } from './forecast/phases.js';
import { walkForward } from './forecast/walk.js';
import { longest } from './uses.js';

export { Forecast } from './forecast/forecast.js';
export type { Estimate, LayerForecast } from './forecast/layer-forecast.js';
export { Bends } from './forecast/lookups.js';
export type { PhaseRun, Suits } from './forecast/phases.js';

export interface ForecastOptions {
  /** Moments of what each input receives; standard normal numbers where none are given. */
  readonly inputs?: readonly InputFacts[];
  /** Rows of a minibatch, over which batch normalization takes its moments and single measurements their means; default 32. */
  readonly batchSize?: number;
}

/**
 * What theory says of a network before any training: sizes of signals and gradients, layer by layer, each with the interval in which 95 % of single
 * draws of the weights lie. Mean field theory (Poole 2016, Schoenholz 2017) with corrections of first order in 1/width; layers of a kind that theory does not know are said to be
 * unknown, with what depends on them.
 * @param bends knows the user's own functions, and has the tables of earlier forecasts.
 * @throws ArgumentError if the facts hold no layers or an option is out of range.
 */
export function forecastFacts(facts: NetworkFacts, options: ForecastOptions = {}, bends = new Bends()): Forecast {
  const { inputs = [], batchSize = 32 } = options;
  if (!Array.isArray(facts?.layers) || facts.layers.length === 0) {
    throw new ArgumentError(`forecast: expected a network with layers, got ${show(facts)}; a trace has one in header.network`, {
      argument: 'facts',
      received: facts,
    });
  }
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new ArgumentError(`forecast: batchSize must be a whole number ≥ 1, got ${show(batchSize)}`, { argument: 'batchSize', received: batchSize });
  }
  const early = facts.layers.findIndex((layer, use) => layer.inputs.some((from: number) => !(Number.isInteger(from) && from >= 0 && from < use)));
  if (early >= 0) {
    throw new ArgumentError(`forecast: layer '${facts.layers[early]?.name}' takes its input from a layer that does not come before it`, {
      argument: 'facts',
      received: facts.layers[early]?.inputs,
    });
  }
  const stray = inputs.find(({ layer }) => facts.layers[layer]?.role !== 'input');
  if (stray) {
    throw new ArgumentError(`forecast: data are given for ${show(stray.layer)}, which is not an input; inputs are ${facts.inputs.join(', ')}`, {
      argument: 'inputs',
      received: stray.layer,
    });
  }
  const forward = walkForward(facts, { inputs, rows: batchSize, bends });
  const backward = walkBackward(facts, forward);
  const way = longest(facts, (at) => facts.layers[at]?.role === 'weights');
  return new Forecast(layerForecasts(facts, forward, backward, bends, batchSize), phaseRuns(facts, forward, bends), batchSize, way);
}

/** The forecast of a model; its own functions are known. */
export function forecast(model: Model, options: ForecastOptions = {}): Forecast {
  if (!Array.isArray(model?.network?.calls)) refuse('forecast', 'model', 'a model, such as sequential([…])', model);
  checkOptionNames('forecast', options, ['inputs', 'batchSize']);
  checkList('forecast', 'inputs', options.inputs);
  return forecastFacts(factsOf(model.network), options, new Bends(lookupsOf(model)));
}

/** The functions of a model's own, by name. */
export function lookupsOf({ network }: Pick<Model, 'network'>): Lookups {
  return {
    activations: Object.fromEntries(
      network.layers.flatMap(({ activation }) => (activation && !isFromTable(activation) ? [[activation.name, activation]] : [])),
    ),
    initializers: Object.fromEntries(
      network.variables.flatMap(({ initializer }) => {
        const resolved = resolveInitializer(initializer);
        return describeEntry(resolved).custom ? [[resolved.name, resolved]] : [];
      }),
    ),
  };
}
