import { foldName } from '../../core/names.js';
import { isInside } from '../../layers/registry.js';
import { lossFromConfig } from '../../losses.js';
import { type Call, described, isCall, isOwn, layerCall, picked } from './calls.js';
import { bothDirections, functionsOf, withFunctions } from './keras-bidirectional.js';
import { kerasOptimizer } from './keras-optimizer.js';
import { kerasValue, notesOf } from './keras-values.js';
import { listLines, literal, type Noted, noted } from './python.js';
import { common, trainingOf } from './training.js';
import { OWN_INITIALIZERS, type Use, usesOf } from './translation.js';
import { isRow, nameOf, namesOf, placeOf, sharedLayers, type Written } from './wiring.js';

/** Layers that Keras calls with each input by itself, not with their list. */
const spread: ReadonlySet<string> = new Set(['multiHeadAttention']);

/** Layers that take states to begin with behind their input. */
const walks: ReadonlySet<string> = new Set(['simpleRnn', 'lstm', 'gru', 'bidirectional']);

/** Said of a layer whose mask Keras hands on as it came. */
const unturned = 'it reverses its steps, but Keras does not reverse its mask: later layers that use the mask treat padding as steps';

/** Said of a layer that keeps the mask here. */
const unmasked = 'Keras drops the mask here: layers behind take padding for steps';

/** Said of a regularizer that Keras asks nothing by. */
const dropped = 'Keras adds nothing to the loss for activities inside of TimeDistributed: put keras.layers.ActivityRegularization behind it';

/** Whether a layer gives the steps of its sequence from the last to the first, as one of two directions does where the first walks backwards. */
function turns({ kind, config }: Pick<Use['layer'], 'kind' | 'config'>): boolean {
  const inner = kind === 'bidirectional' && isInside(config.layer) ? (config.layer.config ?? {}) : config;
  return walks.has(kind) && inner.goBackwards === true && inner.returnSequences === true;
}

/** A layer as a call of Keras's. */
function kerasCall({ layer, initializer }: Use): Call {
  const call = layerCall(layer);
  // Grey levels become float32 at the door, where most layers of Keras want them; indices stay what they are.
  if (layer.kind === 'input') {
    const options = call.options.filter(([key, value]) => key === 'name' || (key === 'dtype' && !['float32', 'uint8'].includes(String(value))));
    return { ...call, leads: [], options: [['shape', layer.config.shape], ...options] };
  }
  const own = initializer && OWN_INITIALIZERS[initializer.name];
  const drawn = initializer !== undefined;
  const kept = call.options.filter(
    ([key]) => !(key === 'kernelInitializer' && drawn) && !(key === 'biasInitializer' && own) && !called(layer.kind, key),
  );
  const asked = drawn && !own && call.options.some(([key]) => key === 'kernelInitializer') ? [kernelOf(initializer)] : [];
  return frozenThrough(bothDirections({ ...call, options: [...kept, ...asked] }));
}

/** A layer as Keras code. */
function layerOf(use: Use): Noted {
  const call = kerasCall(use);
  const unasked = use.layer.kind === 'timeDistributed' && /"activityRegulariz(er|ation)"/.test(JSON.stringify(use.layer.config)) ? [dropped] : [];
  return {
    code: kerasValue(withFunctions(call)),
    notes: [
      ...notesOf(call),
      ...unasked,
      ...(use.masked && turns(use.layer) ? [unturned] : []),
      ...(use.masked && use.layer.kind === 'rmsNormalization' ? [unmasked] : []),
    ],
  };
}

/** What is inside of a frozen layer trains in Keras unless it is frozen itself. */
function frozenThrough(call: Call, within = false): Call {
  // It is told of frozen layers alone.
  const told = call.options.some(([key]) => key === 'trainable');
  const inside = (value: unknown): unknown => (isCall(value) && value.table === 'layers' ? frozenThrough(value, within || told) : value);
  const options = call.options.map(([key, value]) => [key, inside(value)] as const);
  return { ...call, leads: call.leads.map(inside), options: within && !told ? [...options, ['trainable', false]] : options };
}

/** Whether an option is told where the layer is called. */
const called = (kind: string, option: string): boolean => spread.has(kind) && option === 'causal';

const without = (call: Call, option: string): Call => ({ ...call, options: call.options.filter(([key]) => key !== option) });

const kernelOf = ({ name, options: config }: NonNullable<Use['initializer']>) =>
  ['kernelInitializer', picked('kernelInitializer', { name, config })] as const;

/** A model and its training as Keras code, line by line; undefined where its layers have functions of the user's own. Other functions stand under their names. */
export function kerasLines({ config, batchSize, epochs = 1 }: Written): string[] | undefined {
  const uses = usesOf(config);
  if (!uses) return undefined;
  const inRow = isRow(config) && !uses.some(({ layer, gives }) => spread.has(layer.kind) || gives > 1);
  const notes = [...new Set(uses.flatMap(({ initializer }) => (initializer ? (OWN_INITIALIZERS[initializer.name] ?? []) : [])))];
  const unadapted = uses.some(({ layer }) => layer.kind === 'normalization' && layer.config.mean === undefined);
  return [
    ...(config.dtype === 'float64' ? ['keras.config.set_floatx("float64")'] : []),
    ...[...new Set(uses.flatMap((use) => functionsOf(kerasCall(use))))].flatMap((lines) => lines.split('\n')),
    ...(inRow ? ['model = keras.Sequential([', ...listLines(uses.map(layerOf)), '])'] : graphLines(config, uses)),
    ...notes.map((note) => `# Keras has no such initializer: ${note}`),
    ...(unadapted
      ? ['# before the first fit: adapt each Normalization layer to the training rows as it receives them, layer.adapt(x_train) for a first layer']
      : []),
    ...(config.compile === undefined
      ? []
      : [
          ...compileLines(config, outputsOf(config, uses), uses.some(isConstrained)),
          `model.fit(x_train, y_train, batch_size=${batchSize}${epochs === 1 ? '' : `, epochs=${epochs}`})`,
        ]),
  ];
}

function graphLines(config: Written['config'], uses: readonly Use[]): string[] {
  const shared = sharedLayers(config);
  const lines = uses.flatMap((use, at): string[] => {
    const { layer = -1 } = config.calls[at] ?? {};
    const { code, notes } = layerOf(use);
    const made = shared.get(layer) === at ? [noted(`layer${layer} = ${code}`, notes)] : [];
    const callee = shared.has(layer) ? `layer${layer}` : code;
    return [...made, noted(`${namesOf(at, use.gives).join(', ')} = ${callee}${argumentsOf(use)}`, shared.has(layer) ? [] : notes)];
  });
  return [...lines, `model = keras.Model([${config.inputs.map(nameOf).join(', ')}], [${config.outputs.map(nameOf).join(', ')}])`];
}

function argumentsOf({ layer, inputs }: Use): string {
  const from = inputs.map(nameOf);
  if (from.length === 0) return '';
  if (walks.has(layer.kind) && from.length > 1) return `(${from[0]}, initial_state=[${from.slice(1).join(', ')}])`;
  if (!spread.has(layer.kind)) return `(${from.length === 1 ? from[0] : `[${from.join(', ')}]`})`;
  // A sequence that looks at itself is its own value.
  const [query, value = query, ...others] = from;
  return `(${[query, value, ...others].join(', ')}${layer.config.causal === true ? ', use_causal_mask=True' : ''})`;
}

/** What metrics need to know of an output. */
interface Output {
  /** Features of its last axis. */
  readonly units: number | undefined;
  /** What lies between its two sides. */
  readonly middle: number;
}

const outputsOf = ({ outputs }: Written['config'], uses: readonly Use[]): readonly Output[] =>
  outputs.map((signal) => {
    const [at] = placeOf(signal);
    return { units: uses[at]?.to, middle: isSigmoid(uses, at) ? 0.5 : 0 };
  });

/** Whether what comes out of a call is a sigmoid's, in another shape or not. */
function isSigmoid(uses: readonly Use[], at: number): boolean {
  const { layer, inputs: [from] = [] } = uses[at] ?? {};
  if (!layer || walks.has(layer.kind)) return false;
  if (['reshape', 'flatten'].includes(layer.kind) && from !== undefined) return isSigmoid(uses, placeOf(from)[0]);
  const { activation } = layer.kind === 'timeDistributed' && isInside(layer.config.layer) ? (layer.config.layer.config ?? {}) : layer.config;
  return activation !== undefined && described(activation).name === 'sigmoid' && !isOwn(activation);
}

/** A metric of one output. By "accuracy" Keras means that of the highest score wherever there are several, and halves where there is one. */
function metricOf(metric: unknown, loss: unknown, { units, middle }: Output): unknown {
  const { name, config } = described(loss);
  const { targets, compares } = isOwn(loss) ? {} : lossFromConfig(name, config);
  const isAccuracy = ['accuracy', 'acc'].includes(foldName(described(metric).name)) && !isOwn(metric);
  const bySign = compares === 'signs' && units === 1;
  if (!isAccuracy || (targets !== 'binary' && !bySign)) return picked('metrics', metric);
  if (bySign) return { name: 'signAccuracy', table: 'metrics', leads: [], options: [['middle', middle]] } satisfies Call;
  if (config.fromLogits === true) return { name: 'binaryAccuracy', table: 'metrics', leads: [], options: [['threshold', 0]] } satisfies Call;
  return units === 1 ? picked('metrics', metric) : picked('metrics', { name: 'binaryAccuracy' });
}

/** Whether weights of it, or of what is inside of it, are held within bounds. */
const isConstrained = ({ layer }: Use): boolean => /"\w*[cC]onstraint":/.test(JSON.stringify(layer.config));

function compileLines(config: Written['config'], outputs: readonly Output[], constrained: boolean): string[] {
  const training = trainingOf(config);
  const optimizer = picked('optimizer', training.optimizer);
  const ofLayers = isCall(optimizer) ? optimizer.options.find(([key]) => key === 'layerClipNorm')?.[1] : undefined;
  const line = (option: string, value: unknown, notes: readonly string[] = []): string =>
    noted(`${option}=${kerasValue(value)},`, [...notesOf(value), ...notes], '    ');
  const { value: counted, notes } = kerasOptimizer(isCall(optimizer) ? without(optimizer, 'layerClipNorm') : optimizer, constrained);
  const losses = training.losses.map((loss) => picked('loss', loss));
  const judged = (['metrics', 'weightedMetrics'] as const).flatMap((option) => {
    const lists = training[option];
    if (lists.every((list) => list.length === 0)) return [];
    const all = lists.length === 1 ? common(lists) : undefined;
    const judging = lists.map((list, i) => list.map((metric) => metricOf(metric, training.losses[i], outputs[i] ?? { units: undefined, middle: 0 })));
    return [[option === 'metrics' ? 'metrics' : 'weighted_metrics', all ? judging[0] : judging] as const];
  });
  return [
    ...(ofLayers === undefined
      ? []
      : [`# Keras does not clip by layer: scale each layer's gradients down to a norm of ${literal(ofLayers)} in a custom train_step`]),
    'model.compile(',
    line('optimizer', counted, notes),
    line('loss', losses.length === 1 ? losses[0] : losses),
    ...(training.lossWeights ? [`    loss_weights=[${training.lossWeights.map(literal).join(', ')}],`] : []),
    ...judged.map(([option, value]) => line(option, value)),
    ')',
  ];
}
