import type { LayerForecast } from './layer-forecast.js';
import type { PhaseRun } from './phases.js';
import { tableOf } from './table.js';

/** What theory predicts for a network before any training. Plain data; `String(forecast)` is a table. */
export class Forecast {
  /** One for each use of a layer, in the facts' order. */
  readonly layers: readonly LayerForecast[];
  /** Rows of at least two equal layers. */
  readonly runs: readonly PhaseRun[];
  readonly batchSize: number;
  /** Uses that sum by weights. */
  readonly depth: number;
  /** The most of them on one way through the network. */
  readonly longest: number;
  /** The minimum over the runs; null if unbounded. */
  readonly trainableDepth: number | null;
  readonly gradientDepthScale: number | null;
  /** Names of uses of which theory does not know what they receive or give. */
  readonly unknown: readonly string[];

  constructor(layers: readonly LayerForecast[], runs: readonly PhaseRun[], batchSize: number, longest: number) {
    this.layers = layers;
    this.runs = runs;
    this.batchSize = batchSize;
    this.depth = layers.filter(({ role }) => role === 'weights').length;
    this.longest = longest;
    this.trainableDepth = least(runs.map((run) => run.trainableDepth));
    this.gradientDepthScale = least(runs.map((run) => run.gradientDepthScale));
    this.unknown = layers.filter(({ known }) => !known).map(({ name }) => name);
  }

  /** A table for a terminal, and a line for each run of equal layers. */
  toString(): string {
    return tableOf(this);
  }
}

function least(bounds: readonly (number | null)[]): number | null {
  const known = bounds.filter((bound) => bound !== null);
  return known.length === 0 ? null : Math.min(...known);
}
