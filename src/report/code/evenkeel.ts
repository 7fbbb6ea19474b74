import type { ModelConfig, SignalIndex } from '../../model/config.js';
import { type Call, CUSTOM, isCall, isName, layerCall, picked } from './calls.js';
import { folded } from './fold.js';
import { type Repetition, repetitionsOf } from './repetition.js';
import { common, outputNames, trainingOf } from './training.js';
import { isRow, layerAt, nameOf, namesOf, placeOf, sharedLayers, type Written } from './wiring.js';

const quoted = (text: string): string => `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
const keyOf = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name));

/** Functions of the user's own stand as they are, under their names. */
function written(value: unknown): string {
  if (isName(value)) return value.table === CUSTOM ? value.word : quoted(value.word);
  if (isCall(value)) return `${value.table === CUSTOM ? '' : `${value.table}.`}${value.name}(${argumentsOf(value)})`;
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  return typeof value === 'object' && value !== null ? record(Object.entries(value)) : String(value);
}

const record = (entries: readonly (readonly [string, unknown])[]): string =>
  entries.length === 0 ? '{}' : `{ ${entries.map(([key, value]) => `${keyOf(key)}: ${written(value)}`).join(', ')} }`;

function argumentsOf({ leads, options }: Call): string {
  return [...leads.map(written), ...(options.length === 0 ? [] : [record(options)])].join(', ');
}

/** What a model is called unless it is said. */
const usualNames = { model: 'sequential', built: 'model' };

/** A model and its training as Evenkeel code, line by line. */
export function evenkeelLines({ config, batchSize, epochs = 1 }: Written): string[] {
  const ends = new Set(config.outputs.map((signal) => placeOf(signal)[0]));
  const training = trainingOf(config);
  const { losses, lossWeights } = training;
  const names = outputNames(config);
  const metrics = (['metrics', 'weightedMetrics'] as const).map((option) => [option, common(training[option]), training[option]] as const);
  // Metrics that differ by output stand under the names of outputs.
  const named = metrics.some(([, all]) => all === undefined) ? names : [];
  const layerOf = (at: number): string => {
    const layer = layerAt(config, at);
    return layer ? written(layerCall(layer, ends.has(at) && named.length > 0 ? true : undefined)) : '';
  };
  const name = isRow(config) ? 'model' : 'built';
  const { seed, dtype } = config;
  const options = [
    ...(config.name === undefined || config.name === usualNames[name] ? [] : [['name', config.name] as const]),
    ...(seed === undefined ? [] : [['seed', seed] as const]),
    ...(dtype === undefined || dtype === 'float32' ? [] : [['dtype', dtype] as const]),
  ];
  const made = options.length === 0 ? '' : `, ${record(options)}`;
  const losing = losses.map((loss) => picked('loss', loss));
  const lines = isRow(config) ? rowLines(config, layerOf, made) : graphLines(config, layerOf, made);
  if (config.compile === undefined) return lines;
  return [
    ...lines,
    `${name}.compile({`,
    `  optimizer: ${written(picked('optimizer', training.optimizer))},`,
    `  loss: ${written(losing.length === 1 ? losing[0] : losing)},`,
    ...(lossWeights ? [`  lossWeights: ${written(lossWeights)},`] : []),
    ...metrics
      .filter(([, , lists]) => lists.some((list) => list.length > 0))
      .map(([option, all, lists]) => {
        const some = (list: readonly unknown[]): unknown => list.map((one) => picked('metrics', one));
        return `  ${option}: ${all ? written(some(all)) : record(names.map((output, i) => [output, some(lists[i] ?? [])] as const))},`;
      }),
    '});',
    `await ${name}.fit(train, { ${epochs === 1 ? '' : `epochs: ${epochs}, `}batchSize: ${batchSize} });`,
  ];
}

type LayerOf = (at: number) => string;

const rematerialized = ({ remat }: Repetition): string => (remat ? ', { remat: true }' : '');

/** Layers that stand behind each other in each block. */
const blockOf = ({ start, size }: Repetition, layerOf: LayerOf): string => {
  const block = Array.from({ length: size }, (_, i) => layerOf(start + i));
  return size === 1 ? String(block[0]) : `[${block.join(', ')}]`;
};

const repeated = (one: Repetition, layerOf: LayerOf): string => `layers.repeat(${one.count}, ${blockOf(one, layerOf)}${rematerialized(one)})`;

function rowLines(config: ModelConfig, layerOf: LayerOf, options: string): string[] {
  const repetitions = repetitionsOf(config);
  const lines: string[] = [];
  for (let at = 0; at < config.calls.length; ) {
    const repetition = repetitions.get(at);
    lines.push(repetition ? repeated(repetition, layerOf) : layerOf(at));
    at += repetition ? repetition.size * repetition.count : 1;
  }
  return [
    'const model = sequential([',
    ...folded(lines).map(({ lines: block, count }) =>
      count === 1
        ? `  ${block[0]},`
        : `  ...Array.from({ length: ${count} }, () => ${block.length === 1 ? block[0] : `[${block.join(', ')}]`})${block.length === 1 ? '' : '.flat()'},`,
    ),
    `]${options});`,
  ];
}

function graphLines(config: ModelConfig, layerOf: LayerOf, options: string): string[] {
  const { calls } = config;
  const shared = sharedLayers(config);
  const repetitions = repetitionsOf(config);
  const lines: string[] = [];
  const used = usedOutputs(config);
  /** A call, whose inputs have names of their own in a block. */
  const call = (at: number, name: (from: SignalIndex) => string): string => {
    const { layer = -1, inputs = [] } = calls[at] ?? {};
    const from = inputs.map(name);
    const takes = shared.has(layer) ? `layer${layer}` : layerOf(at);
    const names = namesOf(at, used[at] ?? 1);
    const [made, apply] = names.length === 1 ? [names[0], 'apply'] : [`[${names.join(', ')}]`, 'applyAll'];
    return `const ${made} = ${takes}${from.length === 0 ? '' : `.${apply}(${from.length === 1 ? from[0] : `[${from.join(', ')}]`})`};`;
  };
  for (let at = 0; at < calls.length; ) {
    const layer = calls[at]?.layer ?? -1;
    if (shared.get(layer) === at) lines.push(`const layer${layer} = ${layerOf(at)};`);
    const repetition = repetitions.get(at);
    if (!repetition) {
      lines.push(call(at, nameOf));
      at++;
      continue;
    }
    const { start, size, count, inRow } = repetition;
    const [enters] = calls[start]?.inputs ?? [];
    const last = start + size * count - 1;
    if (inRow) lines.push(`const x${last} = ${repeated(repetition, layerOf)}.apply(x${enters});`);
    else {
      const within = (from: SignalIndex): string => (from === enters ? 'x' : nameOf(from));
      lines.push(
        `const x${last} = layers.repeat(${count}, (x) => {`,
        ...Array.from({ length: size }, (_, i) => `  ${call(start + i, within)}`),
        `  return x${start + size - 1};`,
        `}${rematerialized(repetition)}).apply(x${enters});`,
      );
    }
    at = last + 1;
  }
  return [...lines, `const built = model({ inputs: ${listed(config.inputs)}, outputs: ${listed(config.outputs)} }${options});`];
}

const listed = (signals: readonly SignalIndex[]): string => {
  const names = signals.map(nameOf);
  return names.length === 1 ? String(names[0]) : `[${names.join(', ')}]`;
};

/** How many of each call's outputs need names, so that the last one used has one. */
function usedOutputs({ calls, outputs }: ModelConfig): readonly number[] {
  const used = calls.map(() => 1);
  for (const signal of [...calls.flatMap(({ inputs }) => inputs), ...outputs]) {
    const [call, which] = placeOf(signal);
    used[call] = Math.max(used[call] ?? 1, which + 1);
  }
  return used;
}
