import { Layer, layers, type Recurrent, type Signal } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { NdArray } from '#src/core/ndarray.js';
import { gradients } from '#src/graph/gradients.js';
import type { Tensor } from '#src/graph/node.js';
import { cast } from '#src/graph/ops/index.js';
import fixture from '../fixtures/recurrent.json' with { type: 'json' };
import { compute, numbers } from '../graph/engine.js';
import { seededLoss, wire } from './wiring.js';

type Nested = number | readonly Nested[];
type Encoded = Nested | { readonly $arange: number; readonly shape: number[] } | { readonly $full: number; readonly shape: number[] };
type Config = Readonly<Record<string, unknown>>;

interface Golden {
  readonly id: string;
  readonly kind: string;
  readonly config: Config;
  readonly weights: Readonly<Record<string, Encoded>>;
  /** Input of each call; a stateful layer is called several times. */
  readonly calls: readonly Encoded[];
  readonly others?: readonly Encoded[];
  readonly initialState?: readonly Encoded[];
  readonly mask?: readonly (readonly boolean[])[];
  readonly compare?: { readonly output?: number; readonly index?: number };
  readonly output: Encoded;
  readonly outputGradient?: Encoded;
  readonly inputGradient?: readonly Encoded[];
  readonly weightGradients?: Readonly<Record<string, Encoded>>;
  readonly rtol: number;
  readonly atol: number;
}

const goldens = fixture.cases as unknown as Golden[];

function decode(value: Encoded): NdArray {
  if (typeof value !== 'object' || Array.isArray(value)) return NdArray.from(value as readonly Nested[], 'float32');
  const { shape } = value as { shape: number[] };
  const size = shape.reduce((a, b) => a * b, 1);
  const element = (i: number): number => ('$full' in value ? (value.$full as number) : i);
  return new NdArray(
    Float32Array.from({ length: size }, (_, i) => element(i)),
    shape,
  );
}

/** `return_sequences` as `returnSequences`. */
const camel = (config: Config): Record<string, unknown> =>
  Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()), value]));

function layerOf(kind: string, config: Config, batchSize: number): Layer {
  const { units, layer, backwardLayer, mergeMode, numHeads, keyDim, ...rest } = camel(config);
  const options = rest.stateful === true ? { ...rest, batchSize } : rest;
  const inside = (described: unknown): Recurrent => {
    const { class_name: own, config: given } = described as { class_name: string; config: Config };
    return layerOf(own, given, batchSize) as Recurrent;
  };
  if (kind === 'SimpleRNN') return layers.simpleRnn(Number(units), options);
  if (kind === 'LSTM') return layers.lstm(Number(units), options);
  if (kind === 'GRU') return layers.gru(Number(units), options);
  if (kind === 'Dense') return layers.dense(Number(units), options);
  if (kind === 'TimeDistributed') return layers.timeDistributed(inside(layer));
  if (kind === 'MultiHeadAttention') return layers.multiHeadAttention(Number(numHeads), Number(keyDim), options);
  if (kind === 'Bidirectional') {
    const back = backwardLayer === undefined ? {} : { backwardLayer: inside(backwardLayer) };
    return layers.bidirectional(inside(layer), { ...back, mergeMode: mergeMode as 'concat' });
  }
  throw new Error(`no layer for ${kind}`);
}

/** Gives its first input, whose steps count where the second is not 0. */
class Masked extends Layer {
  readonly kind = 'masked';

  config() {
    return {};
  }

  call([x]: readonly Tensor[]): Tensor {
    return x as Tensor;
  }

  override mask([, counts]: readonly Tensor[]): Tensor {
    return cast(counts as Tensor, 'bool');
  }
}

describe('golden values of Keras', () => {
  it.each(goldens.map((golden) => [golden.id, golden] as const))('%s', async (_, golden) => {
    const sequences = golden.calls.map(decode);
    const [first] = sequences as [NdArray];
    const more = [...(golden.others ?? []), ...(golden.initialState ?? [])].map(decode);
    const masks = golden.mask ? [NdArray.from(golden.mask.map((row) => row.map(Number)))] : [];
    const signalOf = ({ shape }: NdArray): Signal => layers.input(shape.slice(1));
    const x = signalOf(first);
    const beside = more.map(signalOf);
    const maskSignals = masks.map(signalOf);
    const entering = maskSignals.length > 0 ? new Masked().apply([x, ...maskSignals]) : x;
    const layer = layerOf(golden.kind, golden.config, first.shape[0] ?? 0);
    const results = layer.applyAll([entering, ...beside]);
    const { inputs, variables, outputs, updates } = wire([x, ...beside, ...maskSignals], results, first.shape[0] ?? 0, false, 'float32');
    const variable = (name: string): Tensor => variables.get(`${layer.title}/${name}`) as Tensor;
    const feeds = new Map<Tensor, NdArray>(inputs.map((tensor, i) => [tensor, [first, ...more, ...masks][i] as NdArray]));
    for (const [name, value] of Object.entries(golden.weights)) feeds.set(variable(name), decode(value));
    const kept = [...updates.keys()];
    for (const name of kept) feeds.set(variables.get(name) as Tensor, NdArray.zeros((variables.get(name) as Tensor).shape.map(Number)));
    expect(variables.size).toBe(Object.keys(golden.weights).length + kept.length);

    const output = outputs[golden.compare?.output ?? 0] as Tensor;
    const expected = new Map<Tensor, Encoded>([[output, golden.output]]);
    if (golden.outputGradient !== undefined) {
      const names = Object.keys(golden.weightGradients ?? {});
      const given = [inputs[0] as Tensor, ...inputs.slice(1, 1 + (golden.others?.length ?? 0))];
      const found = gradients(seededLoss(output, decode(golden.outputGradient)), [...given, ...names.map(variable)]);
      expect(golden.inputGradient).toHaveLength(given.length);
      golden.inputGradient?.forEach((value, i) => {
        expected.set(found[i] as Tensor, value);
      });
      names.forEach((name, i) => {
        expected.set(found[given.length + i] as Tensor, golden.weightGradients?.[name] as Encoded);
      });
    }
    for (const sequence of sequences.slice(0, -1)) {
      feeds.set(inputs[0] as Tensor, sequence);
      const state = await compute([...updates.values()], feeds);
      kept.forEach((name, i) => {
        feeds.set(variables.get(name) as Tensor, state[i] as NdArray);
      });
    }
    feeds.set(inputs[0] as Tensor, sequences[sequences.length - 1] as NdArray);
    const computed = await compute([...expected.keys()], feeds);
    [...expected.values()].forEach((values, i) => {
      const wanted = decode(values);
      const row = golden.compare?.index;
      const all = numbers(computed[i]);
      const actual = i === 0 && row !== undefined ? all.slice(row * wanted.size, (row + 1) * wanted.size) : all;
      expect(actual).toHaveLength(wanted.size);
      actual.forEach((value, k) => {
        expect(Math.abs(value - wanted.at(k))).toBeLessThanOrEqual(golden.atol + golden.rtol * Math.abs(wanted.at(k)));
      });
    });
  });
});
