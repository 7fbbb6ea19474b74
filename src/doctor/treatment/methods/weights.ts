import type { Described } from '../../../core/catalogue.js';
import { NdArray } from '../../../core/ndarray.js';
import type { ModelConfig } from '../../../model/config.js';
import type { LayerFacts } from '../../../vitals/facts.js';
import { sayLayers } from '../../rule.js';
import { family } from '../../rules/weights.js';
import type { Change, Chart, Method } from '../method.js';
import { changed } from '../patient.js';
import { hiddenUses, named, withOptions } from './wiring.js';

/** Arrays that suit nothing in particular are drawn anew; what is scaled by data or by theory stands by itself. */
const initializerOf = (layer: LayerFacts, array: string): Described | undefined => layer.weights.find(({ name }) => name === array)?.initializer;

/** Layers with kernel and bias drawn by an initializer, zero biases unless it draws them too. */
export function drawnBy(config: ModelConfig, names: readonly string[], initializer: Described): ModelConfig {
  return names.reduce((made, name) => withOptions(made, name, { kernelInitializer: initializer, biasInitializer: undefined }), config);
}

function redrawn(chart: Chart, layers: readonly LayerFacts[], initializer: Described, what: string): Change[] {
  const names = [...new Set(layers.map(({ layer }) => layer))];
  if (names.length === 0) return [];
  const config = drawnBy(chart.patient.config, names, initializer);
  return [{ patient: changed(chart.patient, config, names), what: `${what} ${sayLayers(names)} by '${initializer.name}'` }];
}

/** Whether a layer's kernel can be drawn anew: what is frozen was learned elsewhere. */
export const isDrawable = (layer: LayerFacts): boolean => layer.trainable && initializerOf(layer, 'kernel') !== undefined;

/** Uses whose kernels can be drawn anew, and are not drawn by an initializer of that name already. */
function notDrawnBy(layers: readonly LayerFacts[], name: string): LayerFacts[] {
  return layers.filter((layer) => isDrawable(layer) && initializerOf(layer, 'kernel')?.name !== name);
}

/** What draws numbers of one size whatever the fans, or all alike. */
const unscaled = ['zeros', 'ones', 'constant', 'normal', 'uniform', 'truncatedNormal'];

/** Uses whose kernels another family than the suiting one draws, or whose biases do not start at 0. */
function illsuited({ facts, examination }: Chart): LayerFacts[] {
  return notDrawnBy(facts.layers, 'auto').filter((layer) => {
    const suits = examination.forecast.layers[facts.layers.indexOf(layer)]?.suits;
    const [kernel = '', bias = 'zeros'] = ['kernel', 'bias'].map((array) => initializerOf(layer, array)?.name);
    const wrong = suits === undefined ? unscaled.includes(kernel) : family(kernel) !== family(suits);
    return layer.role === 'weights' && (wrong || bias !== 'zeros');
  });
}

export const suitingInitializer: Method = {
  alters: ['initializers', 'weights'],
  apply: (chart) => redrawn(chart, illsuited(chart), named('auto'), 'draw'),
};

export const criticalInitializer: Method = {
  alters: ['initializers', 'weights'],
  apply(chart) {
    const hidden = chart.examination.hidden.map(({ layer }) => layer);
    const orthogonal = named('critical', { distribution: 'orthogonal' });
    return redrawn(chart, notDrawnBy(hidden, 'critical'), orthogonal, 'draw');
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
      'draw',
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
      'draw',
    );
  },
};

export const smallerHead: Method = {
  alters: ['initializers', 'weights'],
  apply(chart) {
    const heads = chart.examination.uses.filter(({ head, layer }) => head && layer.role === 'weights' && layer.trainable).map(({ layer }) => layer);
    return redrawn(chart, heads, named('varianceScaling', { scale: 0.01 }), 'draw');
  },
};

/** Units by place, from runs: `a2d1` has unit 2 dead. */
function silent(states: string): number[] {
  const runs = [...states.matchAll(/([a-z])(\d+)/g)];
  let at = 0;
  return runs.flatMap(([, state, count]) => {
    const start = at;
    at += Number(count);
    return state === 'a' ? [] : Array.from({ length: Number(count) }, (_, i) => start + i);
  });
}

/** He et al. 2015: what keeps the size of a rectifier's signal; the biases start at 0. */
export const reviveUnits: Method = {
  alters: ['weights'],
  apply({ patient, examination, random }) {
    const pass = examination.trace.passes.at(-1);
    const weights = new Map(patient.weights);
    const uses = examination.hidden.filter(({ layer }) => layer.trainable);
    const revived = uses.flatMap(({ layer }, i) => {
      const of = uses.filter((use) => use.layer.layer === layer.layer);
      if (of[0] !== uses[i]) return [];
      // A shared layer's units are silent where they are so in all its uses.
      const [first = [], ...others] = of.map(({ column }) => silent(pass?.units[column]?.states ?? ''));
      const units = first.filter((unit) => others.every((list) => list.includes(unit)));
      const kernel = weights.get(`${layer.layer}/kernel`);
      if (units.length === 0 || kernel?.shape.length !== 2) return [];
      const [rows = 0, width = 0] = kernel.shape;
      const drawn = copied(kernel);
      const stream = random.stream(layer.layer);
      for (const unit of units) for (let row = 0; row < rows; row++) drawn.set(row * width + unit, stream.normal(0, Math.sqrt(2 / rows)));
      weights.set(`${layer.layer}/kernel`, drawn);
      const bias = weights.get(`${layer.layer}/bias`);
      if (bias) {
        const zeroed = copied(bias);
        for (const unit of units) zeroed.set(unit, 0);
        weights.set(`${layer.layer}/bias`, zeroed);
      }
      return [{ name: layer.name, count: units.length }];
    });
    const count = revived.reduce((sum, one) => sum + one.count, 0);
    if (count === 0) return [];
    return [
      {
        patient: { ...patient, weights },
        what: `draw the weights of ${count === 1 ? 'a silent unit' : `${count} silent units`} of ${sayLayers(revived.map(({ name }) => name))} anew, with zero biases`,
      },
    ];
  },
};

function copied(array: NdArray): NdArray {
  return new NdArray(array.data.slice(), array.shape, array.dtype);
}
