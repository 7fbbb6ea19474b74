import type { Described } from '../../../core/catalogue.js';
import type { Random } from '../../../core/random.js';
import { initializerFromConfig } from '../../../initializers.js';
import type { ModelConfig } from '../../../model/config.js';
import { copyOf, initialValue } from '../../../training/state.js';
import type { LayerFacts } from '../../../vitals/facts.js';
import { readRuns } from '../../../vitals/unit-states.js';
import type { Examination, WatchedUse } from '../../examination.js';
import { sayLayers } from '../../rule.js';
import { family } from '../../rules/weights.js';
import type { Change, Chart, Method } from '../method.js';
import { changed, type Patient } from '../patient.js';
import { hiddenUses, named, withOptions } from './wiring.js';

/** Arrays that suit nothing in particular are drawn anew; what is scaled by data or by theory stands by itself. */
const initializerOf = (layer: LayerFacts, array: string): Described | undefined => layer.weights.find(({ name }) => name === array)?.initializer;

/** Layers with kernel and bias drawn by an initializer, zero biases unless it draws them too. */
export function drawnBy(config: ModelConfig, names: readonly string[], initializer: Described): ModelConfig {
  return names.reduce((made, name) => {
    const ofDepth = made.layers.some((layer) => layer.name === name && 'depthwiseInitializer' in layer.config);
    return withOptions(made, name, { [ofDepth ? 'depthwiseInitializer' : 'kernelInitializer']: initializer, biasInitializer: undefined });
  }, config);
}

function redrawn(chart: Chart, layers: readonly LayerFacts[], initializer: Described, what: string): Change[] {
  const names = [...new Set(layers.map(({ layer }) => layer))];
  if (names.length === 0) return [];
  const config = drawnBy(chart.patient.config, names, initializer);
  return [{ patient: changed(chart.patient, config, names), what: `${what} ${sayLayers(names)} with '${initializer.name}'` }];
}

/** Whether a layer's kernel can be drawn anew: what is frozen was learned elsewhere. */
export const isDrawable = (layer: LayerFacts): boolean => layer.trainable && initializerOf(layer, 'kernel') !== undefined;

/** Whether a layer's kernel can be drawn anew, and is not drawn by an initializer of that name already. */
const isDrawnByOther = (layer: LayerFacts, name: string): boolean => isDrawable(layer) && initializerOf(layer, 'kernel')?.name !== name;

function notDrawnBy(layers: readonly LayerFacts[], name: string): LayerFacts[] {
  return layers.filter((layer) => isDrawnByOther(layer, name));
}

/** What draws numbers of one size whatever the fans, or all alike, as the user's own may. */
const unscaled = ['zeros', 'ones', 'constant', 'normal', 'uniform', 'truncatedNormal'];

/** Uses whose kernels another family than the suiting one draws, or whose biases do not start at 0. */
function illsuited({ facts, examination }: Chart): LayerFacts[] {
  return facts.layers.filter((layer, at) => {
    if (layer.role !== 'weights' || !isDrawnByOther(layer, 'auto')) return false;
    const suits = examination.forecast.layers[at]?.suits;
    const [kernel, bias] = ['kernel', 'bias'].map((array) => initializerOf(layer, array));
    const { name = '', custom = false } = kernel ?? {};
    const wrong = suits === undefined ? custom || unscaled.includes(name) : family(name) !== family(suits);
    return wrong || (bias?.name ?? 'zeros') !== 'zeros';
  });
}

export const suitingInitializer: Method = {
  alters: ['initializers', 'weights'],
  apply: (chart) => redrawn(chart, illsuited(chart), named('auto'), 'initialize'),
};

export const criticalInitializer: Method = {
  alters: ['initializers', 'weights'],
  apply(chart) {
    const hidden = chart.examination.hidden.map(({ layer }) => layer);
    const orthogonal = named('critical', { distribution: 'orthogonal' });
    return redrawn(chart, notDrawnBy(hidden, 'critical'), orthogonal, 'initialize');
  },
};

export const lsuv: Method = {
  alters: ['initializers', 'weights'],
  apply: (chart) =>
    redrawn(
      chart,
      notDrawnBy(
        chart.examination.hidden.map(({ layer }) => layer),
        'lsuv',
      ),
      named('lsuv'),
      'initialize',
    ),
};

export const lecunNormal: Method = {
  alters: ['initializers', 'weights'],
  apply(chart) {
    const selus = hiddenUses(chart.examination).filter(({ activation }) => activation === 'selu');
    return redrawn(
      chart,
      notDrawnBy(
        selus.map(({ layer }) => layer),
        'lecunNormal',
      ),
      named('lecunNormal'),
      'initialize',
    );
  },
};

export const smallerHead: Method = {
  alters: ['initializers', 'weights'],
  apply(chart) {
    const heads = chart.examination.uses.filter(({ head, layer }) => head && layer.role === 'weights' && layer.trainable).map(({ layer }) => layer);
    return redrawn(chart, heads, named('varianceScaling', { scale: 0.01 }), 'initialize');
  },
};

/** Units by place that are dead or in coma: `a2d1` has unit 2 dead. */
function silent(states: string): number[] {
  let at = 0;
  return readRuns(states).flatMap(([state, count]) => {
    const start = at;
    at += count;
    return state === 'a' ? [] : Array.from({ length: count }, (_, i) => start + i);
  });
}

/** What draws by data, or by the activation that it is for: whatever it drew, it is no reason for units to be silent. */
const suiting: readonly string[] = ['auto', 'critical', 'lsuv'];

/** Whether a layer's initializers may make units silent: biases that do not start at 0, or weights of a size that nothing scales. */
function mayBeSilent(layer: LayerFacts): boolean {
  const [kernel = '', bias = 'zeros'] = ['kernel', 'bias'].map((array) => initializerOf(layer, array)?.name);
  return unscaled.includes(kernel) || !['zeros', ...suiting].includes(bias);
}

/** Whether a layer's weights are still those that its initializers drew: others were learned, or set, and are kept as far as they can be. */
function isAsDrawn({ config: { seed }, weights }: Patient, { layer, weights: arrays }: LayerFacts): boolean {
  if (seed === undefined) return false;
  return arrays.every(({ name, initializer: drawnBy }) => {
    const array = weights.get(`${layer}/${name}`);
    if (!array || !drawnBy || drawnBy.custom) return false;
    if (suiting.includes(drawnBy.name)) return true;
    const initializer = initializerFromConfig(drawnBy.name, drawnBy.config);
    const drawn = initialValue({ name: `${layer}/${name}`, shape: array.shape, initializer }, array.dtype, seed, () => {});
    return drawn.data.every((value, i) => value === array.data[i]);
  });
}

/** Units of a layer that are silent in all its uses, at the end of what was seen, and of those the ones that were so from the start. */
function silentOf({ trace: { passes } }: Examination, uses: readonly WatchedUse[]): { readonly units: readonly number[]; readonly born: number } {
  const inAll = (of: (use: WatchedUse) => readonly number[]): number[] => {
    const [first = [], ...others] = uses.map(of);
    return first.filter((unit) => others.every((list) => list.includes(unit)));
  };
  const units = inAll(({ column }) => silent(passes.at(-1)?.units[column]?.states ?? ''));
  const born = inAll(({ column }) => {
    const { states = '', died = [] } = passes[0]?.units[column] ?? {};
    return silent(states).filter((unit) => died.every((one) => one.unit !== unit));
  });
  return { units, born: units.filter((unit) => born.includes(unit)).length };
}

/** Weights with those of some units drawn anew. He et al. 2015: what keeps the size of a rectifier's signal; the biases start at 0. */
function withUnits(weights: Patient['weights'], layer: string, units: readonly number[], random: Random): Patient['weights'] | undefined {
  const kernel = weights.get(`${layer}/kernel`);
  if (units.length === 0 || kernel?.shape.length !== 2) return undefined;
  const [rows = 0, width = 0] = kernel.shape;
  const drawn = copyOf(kernel);
  const stream = random.stream(layer);
  for (const unit of units) for (let row = 0; row < rows; row++) drawn.set(row * width + unit, stream.normal(0, Math.sqrt(2 / rows)));
  const made = new Map(weights).set(`${layer}/kernel`, drawn);
  const bias = weights.get(`${layer}/bias`);
  if (!bias) return made;
  const zeroed = copyOf(bias);
  for (const unit of units) zeroed.set(unit, 0);
  return made.set(`${layer}/bias`, zeroed);
}

/** What is silent as its initializers draw it is drawn by others; of what was learned the silent units alone are drawn anew. */
export const reviveUnits: Method = {
  alters: ['weights'],
  apply({ patient, examination, random, keep }) {
    const uses = examination.hidden.filter(({ layer }) => layer.trainable);
    const names = [...new Set(uses.map(({ layer }) => layer.layer))];
    const wholes: string[] = [];
    const revived: { name: string; count: number }[] = [];
    let weights = patient.weights;
    for (const name of names) {
      const of = uses.filter(({ layer }) => layer.layer === name);
      const { units, born } = silentOf(examination, of);
      const [use] = of;
      const made = withUnits(weights, name, units, random);
      if (!use || !made) continue;
      const drawnSo = patient.stepsDone === 0 && 2 * born > units.length && mayBeSilent(use.layer);
      // Where all units are silent there is nothing to keep.
      const isFree = units.length === use.layer.shape.at(-1) || isAsDrawn(patient, use.layer);
      if (drawnSo && isFree && !keep.includes('initializers')) wholes.push(name);
      else {
        weights = made;
        revived.push({ name, count: units.length });
      }
    }
    if (wholes.length > 0) {
      // What comes behind them may be silent by them alone.
      const config = drawnBy(patient.config, wholes, named('auto'));
      const what = `redraw ${sayLayers(wholes)}, whose units were silent from the start, with 'auto' and zero biases`;
      return [{ patient: changed(patient, config, wholes), what }];
    }
    const units = revived.reduce((sum, one) => sum + one.count, 0);
    if (units === 0) return [];
    const layers = revived.map(({ name }) => name);
    return [
      {
        patient: { ...patient, weights },
        what: `redraw the weights of ${units === 1 ? 'a silent unit' : `${units} silent units`} of ${sayLayers(layers)}, with zero biases (code cannot express such weights: load the treated model)`,
        revived: { units, layers },
      },
    ];
  },
};
