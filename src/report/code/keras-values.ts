import { type Call, CUSTOM, isCall, isName, ofOwn } from './calls.js';
import { absent, absentOptions, defaults, kerasClass, kerasModule, kerasOption, kerasWord, misread } from './keras-names.js';
import { argumentList, float, literal } from './python.js';
import { firstRateOf } from './training.js';

/** A value as Keras code; what Keras has not is left out, and told by `notesOf`. */
export function kerasValue(value: unknown): string {
  const call = callOf(value);
  if (!call) return isList(value) ? `[${value.map(kerasValue).join(', ')}]` : plain(value);
  const { name, table } = call;
  if (table === CUSTOM) return name;
  if (table === 'activations') return activation(call);
  const written = given(call);
  const special = specials[`${table}/${name}`];
  if (special) return special(written);
  if (isName(value) && !defaults[`${table}/${name}`]) return literal(kerasWord(name, table));
  return `keras.${kerasModule(table)}.${kerasClass(name, table)}(${argumentList(call.leads.map(kerasValue), written)})`;
}

/** Whether a value lists what is picked by name, and not numbers. */
const isList = (value: unknown): value is readonly unknown[] =>
  Array.isArray(value) && (value.length === 0 || value.some((item) => callOf(item) || isList(item)));

/** What Keras has not of a value and of all that it holds. */
export function notesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(notesOf);
  const call = callOf(value);
  if (!call) return [];
  const { name, table, leads, options } = call;
  const kind = table === 'losses' ? 'loss' : table.slice(0, -1);
  const settings = options.length === 0 ? '' : ` (${options.map(([key, option]) => `${key}: ${JSON.stringify(option)}`).join(', ')})`;
  if (table === CUSTOM) return [ofOwn(name, 'Keras')];
  if (isAbsent(call)) return [`Keras has no ${kind} '${name}'${settings}`];
  const other = misread[`${table}/${name}`];
  return [
    ...(other === undefined ? [] : [other]),
    ...leads.flatMap(notesOf),
    ...options.flatMap(([key, option]) => {
      const lack = lackOf(call, key);
      return lack === undefined ? notesOf(option) : [`${key}=${literal(option)}: ${lack}`];
    }),
  ];
}

/** Names and calls alike. */
function callOf(value: unknown): Call | undefined {
  if (isName(value)) return { name: value.word, table: value.table, leads: [], options: [] };
  return isCall(value) ? value : undefined;
}

const isAbsent = ({ name, table }: Pick<Call, 'name' | 'table'>): boolean => absent.has(`${table}/${name}`);
const lackOf = ({ name, table }: Call, option: string): string | undefined => absentOptions[`${table}/${name}/${option}`] ?? absentOptions[option];

/** Strings are words of options, `fanOut`, which Keras writes its way. */
function plain(value: unknown): string {
  return typeof value === 'string' ? literal(kerasWord(value)) : literal(value);
}

/** Options that Keras knows, under its names, with those whose defaults it has otherwise. */
function given(call: Call): Arguments {
  const known = call.options.flatMap(([key, value]) => {
    const inner = callOf(value);
    if (lackOf(call, key) !== undefined) return [];
    // Where Keras has no such schedule, its first rate stays.
    if (inner && isAbsent(inner))
      return inner.table === 'schedules' ? [[kerasOption(key), float(firstRateOf(inner.name, Object.fromEntries(inner.options)))] as const] : [];
    return [[kerasOption(key), key === 'name' ? literal(String(value).replaceAll('/', '_')) : argument(call, key, value)] as const];
  });
  return [...new Map([...(defaults[`${call.table}/${call.name}`] ?? []), ...known])];
}

const isRate = (table: string, key: string): boolean =>
  /learningRate$/i.test(key) || (table === 'schedules' && (key === 'warmupTarget' || key === 'values'));

/** What Keras's F scores take as numbers with a point alone. */
const floats: ReadonlySet<string> = new Set(['fBetaScore/beta', 'fBetaScore/threshold', 'f1Score/threshold']);

/** Variances, of which 0 is 1. */
const positive = (variance: unknown): unknown => (Array.isArray(variance) ? variance.map(positive) : variance === 0 ? 1 : variance);

/**
 * Optimizers of Keras refuse whole numbers as rates, and its schedules count in whole numbers where they are given some: 1, 0, 0 … Its metrics take
 * several numbers as lists.
 */
function argument({ table, name }: Call, key: string, value: unknown): string {
  if (isRate(table, key) && !callOf(value)) return float(value);
  // A feature without a deviation is divided by 1 here, by almost nothing in Keras.
  if (table === 'layers' && name === 'normalization' && key === 'variance') return literal(positive(value));
  if (table !== 'metrics') return kerasValue(value);
  if (floats.has(`${name}/${key}`)) return float(value);
  if (key === 'classAggregation' && value === 'none') return 'None';
  return Array.isArray(value) ? `[${value.map(literal).join(', ')}]` : kerasValue(value);
}

type Arguments = readonly (readonly [string, string])[];

const optionOf = (options: Arguments, name: string, fallback: string): string => options.find(([key]) => key === name)?.[1] ?? fallback;
const learned = (options: Arguments): Arguments[number] => [
  'alpha_initializer',
  `keras.initializers.Constant(${optionOf(options, 'initial', '0.25')})`,
];

/** What Keras has in another shape, or with other defaults. */
const specials: Readonly<Record<string, (options: Arguments) => string>> = {
  'layers/prelu': (options) => `keras.layers.PReLU(${argumentList([], [learned(options), ...options.filter(([key]) => key !== 'initial')])})`,
  // One mean for all is a number in Keras.
  'layers/normalization': (options) => {
    const all = optionOf(options, 'axis', '-1') === 'None';
    const bare = (text: string): string => text.replace(/^\((.*),\)$/, '$1');
    return `keras.layers.Normalization(${argumentList(
      [],
      options.map(([key, text]) => [key, all ? bare(text) : text] as const),
    )})`;
  },
  'layers/input': (options) => `keras.Input(${argumentList([], options)})`,
  'layers/thresholdedRelu': (options) =>
    `keras.layers.Activation(${argumentList(
      [thresholded(options)],
      options.filter(([key]) => key !== 'theta'),
    )})`,
  'layers/rrelu': () => 'keras.layers.Identity()',
  // Keras's accuracies compare classes 0 and 1, or of scores the highest; targets of a hinge loss may be −1.
  'metrics/signAccuracy': (options) =>
    `keras.metrics.MeanMetricWrapper(lambda y, x: keras.ops.mean(keras.ops.cast((y > 0) == (x > ${optionOf(options, 'middle', '0')}), "float32"), axis=-1), name="accuracy")`,
  'metrics/huber': (options) => `keras.metrics.MeanMetricWrapper(${argumentList(['keras.losses.huber'], [['name', '"huber"'], ...options])})`,
};

/** Activations that Keras has otherwise: as layers alone, under other names, or with other defaults. */
const unlike: Readonly<Record<string, (options: Arguments) => string>> = {
  prelu: (options) => `keras.layers.PReLU(${argumentList([], [learned(options)])})`,
  rrelu: () => '"linear"',
  thresholdedRelu: (options) => thresholded(options),
  threshold: (options) =>
    bend('threshold', [
      ['threshold', optionOf(options, 'threshold', '0')],
      ['default_value', optionOf(options, 'value', '0')],
    ]),
};

const bend = (name: string, options: Arguments): string => `lambda x: keras.activations.${name}(${argumentList(['x'], options)})`;
const thresholded = (options: Arguments): string =>
  bend('threshold', [
    ['threshold', optionOf(options, 'theta', '1')],
    ['default_value', '0'],
  ]);

/** By name where Keras means the same by it, as a function where it has options. */
function activation(call: Call): string {
  const options = given(call);
  const other = unlike[call.name];
  if (other) return other(options);
  return options.length === 0 ? `"${snakeOf(call.name)}"` : bend(snakeOf(call.name), options);
}

const snakeOf = (name: string): string => kerasWord(name, 'activations');
