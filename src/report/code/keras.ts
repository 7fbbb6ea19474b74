import { type Call, isCall, isName, layerCall, picked } from './calls.js';
import { folded } from './fold.js';
import { argumentList, literal, pascal, snake } from './python.js';
import { OWN_INITIALIZERS, type Use, usesOf } from './translation.js';
import { isRow, plainCalls, type Written } from './wiring.js';

/** Classes whose names do not follow from ours. */
const classes: Readonly<Record<string, string>> = {
  relu: 'ReLU',
  leakyRelu: 'LeakyReLU',
  prelu: 'PReLU',
  elu: 'ELU',
  rmsNormalization: 'RMSNormalization',
  simpleRnn: 'SimpleRNN',
  lstm: 'LSTM',
  gru: 'GRU',
  sgd: 'SGD',
  rmsprop: 'RMSprop',
  adamW: 'AdamW',
  normal: 'RandomNormal',
  uniform: 'RandomUniform',
  l1l2: 'L1L2',
  checkpoint: 'ModelCheckpoint',
  csvLogger: 'CSVLogger',
};

/** Keras's class of a name: `conv2dTranspose` is `Conv2DTranspose`. */
export const kerasClass = (name: string): string => classes[name] ?? pascal(name).replace(/(\d)d/, '$1D');

/** Keras takes clipping's options in one word; it has none for clipping by layer. */
const options: Readonly<Record<string, string>> = {
  clipNorm: 'clipnorm',
  clipValue: 'clipvalue',
  globalClipNorm: 'global_clipnorm',
  slope: 'negative_slope',
  beta1: 'beta_1',
  beta2: 'beta_2',
};

/** Names as strings, where Keras writes them otherwise. */
const words: Readonly<Record<string, string>> = { adamW: 'adamw' };

const optionName = (name: string): string => options[name] ?? snake(name);

/** Modules whose names do not follow from our tables'. */
const modules: Readonly<Record<string, string>> = { schedules: 'optimizers.schedules' };

/** Activations that Keras has as layers alone, and options that its functions set otherwise than ours. */
const learned: readonly string[] = ['prelu'];
const unlike: Readonly<Record<string, readonly (readonly [string, unknown])[]>> = { leakyRelu: [['slope', 0.01]] };

function written(value: unknown): string {
  if (isName(value)) return value.table === 'activations' ? activation(value.word, []) : literal(words[value.word] ?? snake(value.word));
  if (typeof value === 'string') return literal(words[value] ?? snake(value));
  if (!isCall(value)) return literal(value);
  if (value.table === 'activations') return activation(value.name, value.options);
  const list = argumentList(value.leads.map(written), value.options.map(argument));
  return `keras.${modules[value.table] ?? value.table}.${kerasClass(value.name)}(${list})`;
}

/** Keras refuses whole numbers as rates. */
function argument([key, given]: readonly [string, unknown]): readonly [string, string] {
  const text = written(given);
  return [optionName(key), key === 'learningRate' && Number.isInteger(given) ? `${text}.0` : text];
}

/** By name where Keras means the same by it, as a function where it has options. */
function activation(name: string, given: readonly (readonly [string, unknown])[]): string {
  if (learned.includes(name)) return `keras.layers.${kerasClass(name)}()`;
  const all = [...new Map([...(unlike[name] ?? []), ...given])];
  return all.length === 0 ? `"${snake(name)}"` : `lambda x: keras.activations.${snake(name)}(${argumentList(['x'], all.map(argument))})`;
}

function layerOf({ layer, initializer }: Use): string {
  // Grey levels become float32 at the door, where most layers of Keras want them; indices stay what they are.
  if (layer.kind === 'input')
    return `keras.Input(shape=${literal(layer.config.shape)}${['float32', 'uint8'].includes(String(layer.config.dtype)) ? '' : `, dtype="${layer.config.dtype}"`})`;
  const call = layerCall(layer);
  const own = initializer && OWN_INITIALIZERS[initializer.name];
  const kept = call.options.filter(([key]) => key !== 'kernelInitializer' && !(key === 'biasInitializer' && own));
  const drawn = initializer && !own && call.options.some(([key]) => key === 'kernelInitializer') ? [kernelOf(initializer)] : [];
  return written({ ...call, options: [...sizeOf(layer, kept), ...kept, ...drawn] });
}

/** Keras has no default for the sizes that averages are taken over. */
function sizeOf({ kind, config }: Use['layer'], given: Call['options']): Call['options'] {
  const missing = kind.startsWith('averagePooling') && !given.some(([key]) => key === 'poolSize');
  return missing ? [['poolSize', config.poolSize]] : [];
}

const without = (call: Call, option: string): Call => ({ ...call, options: call.options.filter(([key]) => key !== option) });

const kernelOf = ({ name, options: config }: NonNullable<Use['initializer']>) =>
  ['kernelInitializer', picked('kernelInitializer', { name, config })] as const;

/** A model and its training as Keras code, line by line; undefined where it has functions of the user's own. */
export function kerasLines({ config, batchSize }: Written): string[] | undefined {
  const uses = usesOf(config);
  if (!uses) return undefined;
  const { compile = {} } = config;
  const name = (at: number): string => `x${at}`;
  const row = (): string[] => [
    'model = keras.Sequential([',
    ...folded(uses.map(layerOf)).map(({ lines, count }) =>
      count === 1 ? `    ${lines[0]},` : `    *[layer for _ in range(${count}) for layer in (${lines.join(', ')}${lines.length === 1 ? ',' : ''})],`,
    ),
    '])',
  ];
  const graph = (): string[] => [
    ...uses.map((use, at) => {
      const from = use.inputs.map(name).join(', ');
      return `${name(at)} = ${layerOf(use)}${use.inputs.length === 0 ? '' : `(${use.inputs.length === 1 ? from : `[${from}]`})`}`;
    }),
    `model = keras.Model([${config.inputs.map(name).join(', ')}], [${(plainCalls(config.outputs) ?? []).map(name).join(', ')}])`,
  ];
  const notes = [...new Set(uses.flatMap(({ initializer }) => (initializer ? (OWN_INITIALIZERS[initializer.name] ?? []) : [])))];
  const optimizer = picked('optimizer', compile.optimizer);
  const ofLayers = isCall(optimizer) ? optimizer.options.find(([key]) => key === 'layerClipNorm')?.[1] : undefined;
  const normalized = uses.some(({ layer }) => layer.kind === 'normalization');
  const losses = [compile.loss].flat().map((loss) => written(picked('loss', loss)));
  return [
    ...(isRow(config) ? row() : graph()),
    ...notes.map((note) => `# Keras has no such initializer: ${note}`),
    ...(normalized ? ['# before the first fit: adapt each Normalization layer to the training rows, layer.adapt(x_train)'] : []),
    ...(ofLayers === undefined
      ? []
      : [`# Keras does not clip by layer: scale each layer's gradients down to a norm of ${literal(ofLayers)} in a train_step of your own`]),
    'model.compile(',
    `    optimizer=${written(isCall(optimizer) ? without(optimizer, 'layerClipNorm') : optimizer)},`,
    `    loss=${losses.length === 1 ? losses[0] : `[${losses.join(', ')}]`},`,
    ')',
    `model.fit(x_train, y_train, batch_size=${batchSize})`,
  ];
}
