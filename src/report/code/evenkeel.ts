import { type Call, isCall, isName, layerCall, picked } from './calls.js';
import { folded } from './fold.js';
import { isRow, plainCalls, type Written } from './wiring.js';

function written(value: unknown): string {
  if (isName(value)) return `'${value.word}'`;
  if (isCall(value)) return `${value.table}.${value.name}(${argumentsOf(value)})`;
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  return String(value);
}

function argumentsOf({ leads, options }: Call): string {
  const named = options.map(([key, value]) => `${key}: ${written(value)}`).join(', ');
  return [...leads.map(written), ...(named === '' ? [] : [`{ ${named} }`])].join(', ');
}

/** A model and its training as Evenkeel code, line by line; undefined where an output that is not its layer's first is used. */
export function evenkeelLines({ config, batchSize }: Written): string[] | undefined {
  const { compile = {}, calls, layers, seed } = config;
  const plain = plainCalls([...calls.flatMap(({ inputs }) => inputs), ...config.outputs]);
  const ends = plainCalls(config.outputs);
  if (!plain || !ends) return undefined;
  const layerOf = (at: number): string => {
    const layer = layers[calls[at]?.layer ?? -1];
    return layer ? written(layerCall(layer)) : '';
  };
  const options = seed === undefined ? '' : `, { seed: ${seed} }`;
  const row = (): string[] => [
    'const model = sequential([',
    ...folded(calls.map((_, at) => layerOf(at))).map(({ lines, count }) =>
      count === 1
        ? `  ${lines[0]},`
        : `  ...Array.from({ length: ${count} }, () => ${lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`})${lines.length === 1 ? '' : '.flat()'},`,
    ),
    `]${options});`,
  ];
  const graph = (): string[] => [
    ...calls.map(({ inputs }, at) => {
      const from = inputs.map((one) => `x${one}`).join(', ');
      return `const x${at} = ${layerOf(at)}${inputs.length === 0 ? '' : `.apply(${inputs.length === 1 ? from : `[${from}]`})`};`;
    }),
    `const built = model({ inputs: ${listed(config.inputs)}, outputs: ${listed(ends)} }${options});`,
  ];
  const name = isRow(config) ? 'model' : 'built';
  const losses = [compile.loss].flat().map((loss) => written(picked('loss', loss)));
  return [
    ...(isRow(config) ? row() : graph()),
    `${name}.compile({`,
    `  optimizer: ${written(picked('optimizer', compile.optimizer))},`,
    `  loss: ${losses.length === 1 ? losses[0] : `[${losses.join(', ')}]`},`,
    '});',
    `await ${name}.fit(train, { batchSize: ${batchSize} });`,
  ];
}

const listed = (calls: readonly number[]): string => (calls.length === 1 ? `x${calls[0]}` : `[${calls.map((at) => `x${at}`).join(', ')}]`);
