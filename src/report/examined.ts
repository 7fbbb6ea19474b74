import { textTable } from '../core/text-table.js';
import type { Examination, WatchedUse } from '../doctor/examination.js';
import { ranged, short } from '../doctor/forecast/words.js';
import type { Estimate } from '../doctor/forecast.js';
import { value } from '../doctor/measured.js';
import { firstOverLast } from '../doctor/rules/time.js';

/** What a look at a network before its first step says of one layer. */
export interface ExaminedLayer {
  readonly name: string;
  readonly kind: string;
  readonly fanIn?: number;
  readonly fanOut?: number;
  readonly activation?: string;
  readonly initializer?: string;
  readonly suits?: string;
  /** RMS of the sums over that of the layer before, RMS of ∂L/∂z over that of the layer behind: as forecast, with 95 % intervals, and as measured. */
  readonly forwardGain: { readonly predicted?: Estimate; readonly measured?: number };
  readonly backwardGain: { readonly predicted?: Estimate; readonly measured?: number };
  /** Of a layer that walks along a sequence: RMS of ∂L/∂z at its first step over that at its last, as forecast where the last one's output alone is used, and as measured. */
  readonly alongTime?: { readonly predicted?: number; readonly measured?: number };
  /** Shares of its units that fired for no row, and of its entries on flat sides. */
  readonly dead?: number;
  readonly saturated?: number;
  /** Why theory does not know it. */
  readonly unknown?: string;
}

/** Layers with weights, such as walk along a sequence included, and those that theory does not know, from the first to the last. */
export function examinedLayers(examination: Examination): ExaminedLayer[] {
  const sums = examination.uses.filter(({ layer }) => layer.role === 'weights');
  const record = examination.first;
  const over = (name: 'zRms' | 'gRms', use: WatchedUse, other: WatchedUse | undefined): number | undefined => {
    const [own, theirs] = [value(record?.signals[name][use.column]), other && value(record?.signals[name][other.column])];
    return own === undefined || theirs === undefined || theirs === 0 ? undefined : own / theirs;
  };
  return examination.facts.layers.flatMap((layer, at): ExaminedLayer[] => {
    const predicted = examination.forecast.layers[at];
    const place = sums.findIndex((use) => use.at === at);
    const use = sums[place];
    const course = alongTime(examination, at);
    if (!use && !course && predicted?.known !== false) return [];
    const bent = use && (examination.uses.find((one) => one.at >= at && one.activation && one.activation.name !== 'linear') ?? use);
    const units = bent && examination.units(bent);
    const width = bent?.layer.shape.at(-1);
    const kernel = layer.weights.find(({ name }) => name === 'kernel')?.initializer?.name;
    const measuredForward = use && over('zRms', use, sums[place - 1]);
    const measuredBackward = use && over('gRms', use, sums[place + 1]);
    const saturated = bent && value(record?.signals.saturated?.[bent.column]);
    return [
      {
        name: layer.name,
        kind: layer.kind,
        ...(layer.fanIn === undefined ? {} : { fanIn: layer.fanIn }),
        ...(layer.fanOut === undefined ? {} : { fanOut: layer.fanOut }),
        ...(layer.activation ? { activation: layer.activation.name } : {}),
        ...(kernel === undefined ? {} : { initializer: kernel }),
        ...(predicted?.suits === undefined ? {} : { suits: predicted.suits }),
        forwardGain: {
          ...(predicted?.forwardGain ? { predicted: predicted.forwardGain } : {}),
          ...(measuredForward === undefined ? {} : { measured: measuredForward }),
        },
        backwardGain: {
          ...(predicted?.backwardGain ? { predicted: predicted.backwardGain } : {}),
          ...(measuredBackward === undefined ? {} : { measured: measuredBackward }),
        },
        ...(course ? { alongTime: course } : {}),
        ...(units && width ? { dead: (units.dead + units.coma) / width } : {}),
        ...(saturated === undefined ? {} : { saturated }),
        ...(predicted?.why === undefined ? {} : { unknown: predicted.why }),
      },
    ];
  });
}

/** How a gradient changes on its way back along a layer's sequence; undefined for layers that walk along none. */
function alongTime({ uses, first, forecast }: Examination, at: number): ExaminedLayer['alongTime'] {
  const column = uses.find((use) => use.at === at)?.column;
  const sizes = column === undefined ? [] : (first?.signals.gRmsByTime?.[column] ?? []);
  const predicted = forecast.layers[at]?.alongTime?.gradient;
  const ratio = firstOverLast(sizes);
  if (predicted === undefined && ratio === undefined) return undefined;
  return { ...(predicted === undefined ? {} : { predicted }), ...(ratio === undefined ? {} : { measured: ratio }) };
}

const measured = (number: number | undefined): string => (number === undefined ? '' : short(number));
const share = (part: number | undefined): string => (part === undefined ? '' : `${(100 * part).toFixed(0)} %`);

/** The same as a table for a terminal. Rows that are alike stand once, with how many there are. */
export function showExamined(layers: readonly ExaminedLayer[]): string {
  const walks = layers.some(({ alongTime: course }) => course);
  const along = walks ? ['Along time', 'along time, measured'] : [];
  const titles = [
    'Layer',
    'Fans',
    'Activation',
    'Initializer',
    'Forward',
    'measured',
    'Backward',
    'measured',
    ...along,
    'Dead',
    'Saturated',
    'Not known',
  ];
  const rows = layers.map((layer) => [
    layer.name,
    layer.fanIn === undefined ? '' : `${layer.fanIn}→${layer.fanOut}`,
    layer.activation ?? '',
    layer.initializer === undefined || layer.suits === undefined || layer.initializer === layer.suits
      ? (layer.initializer ?? '')
      : `${layer.initializer} (suited: ${layer.suits})`,
    ranged(layer.forwardGain.predicted),
    measured(layer.forwardGain.measured),
    ranged(layer.backwardGain.predicted),
    measured(layer.backwardGain.measured),
    ...(walks ? [measured(layer.alongTime?.predicted), measured(layer.alongTime?.measured)] : []),
    share(layer.dead),
    share(layer.saturated),
    layer.unknown ?? '',
  ]);
  return textTable(titles, shortened(rows)).join('\n');
}

/** Rows at most shown of a deep network: its first and last ones. */
const MOST = 40;

function shortened(rows: string[][]): string[][] {
  if (rows.length <= MOST) return rows;
  const half = MOST / 2;
  return [...rows.slice(0, half), [`… ${rows.length - MOST} more …`], ...rows.slice(-half)];
}

/** How a look finds the loss to bend. */
export interface ExaminedBend {
  /** Largest eigenvalue of its Hessian. */
  readonly sharpness?: number;
  /** Learning rate above which steps along the sharpest direction grow, where the optimizer has one. */
  readonly stableRate?: number;
}

/** How the loss bends before the first step; empty where that was not measured, or is not finite. */
export function examinedBend({ first }: Examination): ExaminedBend {
  const [sharpness, stableRate] = [value(first?.sharpness), value(first?.stableRate)];
  if (sharpness === undefined || !Number.isFinite(sharpness)) return {};
  return { sharpness, ...(stableRate === undefined ? {} : { stableRate }) };
}

/** The same as a line, or none. */
export function showBend({ sharpness, stableRate }: ExaminedBend): string[] {
  if (sharpness === undefined) return [];
  const stable = stableRate === undefined ? '' : `: steps along it grow above a learning rate of ${short(stableRate)}`;
  return [`Sharpest curvature of the loss (λ_max) ${short(sharpness)}${stable}`];
}
