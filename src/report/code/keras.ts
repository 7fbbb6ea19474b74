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
};

/** `conv2dTranspose` is `Conv2DTranspose`. */
const classOf = (name: string): string => pascal(name).replace(/(\d)d/, '$1D');

/** Keras takes clipping's options in one word; it has none for clipping by layer. */
const options: Readonly<Record<string, string>> = { clipNorm: 'clipnorm', clipValue: 'clipvalue', globalClipNorm: 'global_clipnorm' };

const optionName = (name: string): string => options[name] ?? snake(name);

function written(value: unknown): string {
  if (isName(value)) return `"${snake(value.word)}"`;
  if (!isCall(value)) return literal(value);
  const list = argumentList(
    value.leads.map(written),
    value.options.map(([key, given]) => [optionName(key), written(given)] as const),
  );
  return `keras.${value.table}.${classes[value.name] ?? classOf(value.name)}(${list})`;
}

function layerOf({ layer, initializer }: Use): string {
  if (layer.kind === 'input')
    return `keras.Input(shape=${literal(layer.config.shape)}${layer.config.dtype === 'float32' ? '' : `, dtype="${layer.config.dtype}"`})`;
  const call = layerCall(layer);
  const own = initializer && OWN_INITIALIZERS[initializer.name];
  const kept = call.options.filter(([key]) => key !== 'kernelInitializer' && !(key === 'biasInitializer' && own));
  const drawn = initializer && !own && call.options.some(([key]) => key === 'kernelInitializer') ? [kernelOf(initializer)] : [];
  return written({ ...call, options: [...kept, ...drawn] });
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
