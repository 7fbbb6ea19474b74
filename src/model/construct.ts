import { ArgumentError, show } from '../core/errors.js';
import { checkOptionNames, checkWhole, isRecord, refuse } from '../core/expect.js';
import { Repeat } from '../layers/repeat.js';
import { Layer, Signal } from '../network/layer.js';
import { Network } from '../network/network.js';
import { Model, type ModelOptions } from './model.js';
import { SharedPrograms } from './shared-programs.js';

const known = ['seed', 'backend', 'threads', 'engine', 'programs', 'dtype', 'name', 'warn'];

function checkModelOptions(options: ModelOptions): void {
  checkOptionNames('model', options, known);
  const { seed, threads, dtype, programs } = options;
  if (seed !== undefined && !Number.isFinite(seed))
    throw new ArgumentError(`model: seed must be a finite number, got ${show(seed)}`, { argument: 'seed', received: seed });
  checkWhole('model', 'threads', threads);
  if (programs !== undefined && !(programs instanceof SharedPrograms))
    refuse('model', 'programs', 'the programs that models share: one new SharedPrograms() for all of them', programs);
  if (dtype !== undefined && dtype !== 'float32' && dtype !== 'float64') {
    throw new ArgumentError(`model: dtype must be 'float32' or 'float64', got ${show(dtype)}`, { argument: 'dtype', received: dtype });
  }
}

/**
 * A sequential model. The first entry is the input: `layers.input([28, 28])`.
 * @throws ArgumentError if the first entry is no input, or an entry is no layer; ShapeError naming the layer that does not fit.
 */
export function sequential(entries: readonly (Layer | Repeat | Signal)[], options: ModelOptions = {}): Model {
  checkModelOptions(options);
  if (!Array.isArray(entries)) refuse('sequential', 'layers', 'a list of layers, such as [layers.input([4]), layers.dense(3)]', entries);
  const [head, ...rest] = entries;
  if (!(head instanceof Signal)) {
    throw new ArgumentError(
      `sequential: the first entry must be the input, such as layers.input([28, 28]); got ${head instanceof Layer ? head.kind : show(head)}`,
      {
        argument: 'layers',
        received: head,
      },
    );
  }
  if (rest.length === 0) throw new ArgumentError('sequential: needs at least one layer after the input', { argument: 'layers' });
  const output = rest.reduce<Signal>((signal, layer, i) => {
    if (!(layer instanceof Layer || layer instanceof Repeat)) {
      throw new ArgumentError(
        `sequential: entry ${i + 1} must be a layer, got ${layer instanceof Signal ? 'the output of a layer; for graphs use model({ inputs, outputs })' : show(layer)}`,
        {
          argument: 'layers',
          received: layer,
        },
      );
    }
    return layer.apply(signal);
  }, head);
  return new Model(new Network([head], [output], options.dtype), { name: 'sequential', ...options });
}

export interface ModelWiring {
  readonly inputs: Signal | readonly Signal[];
  readonly outputs: Signal | readonly Signal[];
}

/**
 * A model with any graph of layers: several inputs and outputs, skip connections, shared layers. It has its own weights, even for layers shared with
 * another model; `copyWeights` copies them. @throws ArgumentError if an input is missing.
 */
export function model(wiring: ModelWiring, options: ModelOptions = {}): Model {
  checkModelOptions(options);
  if (!isRecord(wiring)) refuse('model', 'wiring', '{ inputs, outputs }; for a list of layers use sequential([…])', wiring);
  const { inputs, outputs } = wiring;
  const list = (kind: string, value: Signal | readonly Signal[]): readonly Signal[] => {
    const signals = value instanceof Signal ? [value] : value;
    if (!Array.isArray(signals) || signals.length === 0 || !signals.every((signal) => signal instanceof Signal)) {
      throw new ArgumentError(`model: ${kind} must be an output of layers.input or layer.apply, or a list of such outputs; got ${show(value)}`, {
        argument: kind,
        received: value,
      });
    }
    return signals;
  };
  return new Model(new Network(list('inputs', inputs), list('outputs', outputs), options.dtype), options);
}
