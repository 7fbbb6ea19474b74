import { activations, layers } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { findName } from '#src/core/names.js';
import { NdArray } from '#src/core/ndarray.js';
import { gradients } from '#src/graph/gradients.js';
import type { Tensor } from '#src/graph/node.js';
import type { Layer } from '#src/network/layer.js';
import convolutions from '../fixtures/convolutions.json' with { type: 'json' };
import fixture from '../fixtures/layers.json' with { type: 'json' };
import { compute, numbers } from '../graph/engine.js';
import { seededLoss, wire } from './wiring.js';

const goldens = [...fixture.cases, ...convolutions.cases] as unknown as Golden[];

type Nested = number | readonly Nested[];

interface Golden {
  readonly id: string;
  readonly kind: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputs: readonly Nested[];
  readonly weights: Readonly<Record<string, Nested>>;
  readonly training?: boolean;
  readonly output: Nested;
  readonly outputGradient?: Nested;
  readonly inputGradient?: Nested;
  readonly weightGradients?: Readonly<Record<string, Nested>>;
  readonly statisticsAfter?: Readonly<Record<string, Nested>>;
  readonly rtol: number;
  readonly atol: number;
}

const flatten = (value: Nested): number[] => (typeof value === 'number' ? [value] : value.flatMap(flatten));
const array = (value: Nested): NdArray => NdArray.from(value as readonly Nested[], 'float32');

function layerOf({ kind, config }: Golden): Layer {
  const { units, activation, use_bias: useBias, axis, momentum, epsilon, center, scale, groups, n } = config;
  const given = (options: Record<string, unknown>) => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  if (kind === 'Dense') {
    // Keras's slope, which is not our default.
    const chosen = activation === 'leaky_relu' ? activations.leakyRelu({ slope: 0.2 }) : activation;
    return layers.dense(Number(units), given({ activation: chosen, useBias }));
  }
  if (kind === 'PReLU') return layers.activation('prelu');
  if (kind === 'Add') return layers.add();
  if (kind === 'Concatenate') return layers.concatenate({ axis: Number(axis) });
  if (kind === 'Flatten') return layers.flatten();
  if (kind === 'BatchNormalization') return layers.batchNormalization(given({ axis, momentum, epsilon, center, scale }));
  if (kind === 'LayerNormalization') return layers.layerNormalization(given({ axis, epsilon, center, scale }));
  if (kind === 'GroupNormalization') return layers.groupNormalization(given({ groups, axis, epsilon, center, scale }));
  if (kind === 'RMSNormalization') return layers.rmsNormalization(given({ axis, epsilon }));
  if (kind === 'UnitNormalization') return layers.unitNormalization(given({ axis }));
  if (kind === 'Embedding') return layers.embedding(Number(config.input_dim), Number(config.output_dim));
  const own = windowed(kind, config);
  if (own) return own;
  if (kind === 'Average') return layers.average();
  if (kind === 'Subtract') return layers.subtract();
  if (kind === 'RepeatVector') return layers.repeatVector(Number(n));
  throw new Error(`no layer for ${kind}`);
}

/** Layers over windows, whose options have Keras's names but for the spelling. */
function windowed(kind: string, config: Golden['config']): Layer | undefined {
  const named = Object.entries(config).map(([key, value]) => [key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()), value] as const);
  const { filters, kernelSize, ...options } = Object.fromEntries(named) as { filters?: number; kernelSize?: number[] };
  const name = findName(kind, layers);
  if (!name || !/(conv|pooling|sampling|cropping|padding)/i.test(name)) return undefined;
  const leading = [filters, kernelSize].filter((value) => value !== undefined);
  return (layers[name] as (...given: unknown[]) => Layer)(...leading, options);
}

/** Cases that are left out, and why. */
const leftOut: Readonly<Record<string, string>> = {
  'Attention AdditiveAttention MultiHeadAttention': 'attention is not part of dense networks',
  SpectralNormalization: 'wraps a convolution in every case',
  channels_first: 'channels stand last here',
  rms_scaling: 'Keras gave it up for RMSNormalization, which is here',
  'normalize with order 3 or an axis of the batch': 'a layer keeps instances apart',
};

describe('golden values of Keras', () => {
  it(`leaves out ${Object.entries(leftOut)
    .map(([what, why]) => `${what} (${why})`)
    .join('; ')}`, () => {
    const names = new Set(goldens.map(({ kind }) => kind));
    for (const kind of Object.keys(leftOut).flatMap((what) => what.split(' '))) expect(names).not.toContain(kind);
  });

  it.each(goldens.map((golden) => [golden.id, golden] as const))('%s', async (_, golden) => {
    const arrays = golden.inputs.map(array);
    const signals = arrays.map(({ shape }) => layers.input(shape.slice(1)));
    const layer = layerOf(golden);
    const output = layer.apply(signals);
    const { inputs, variables, outputs, updates } = wire(signals, [output], arrays[0]?.shape[0] ?? 0, golden.training ?? false, 'float32');
    const variable = (name: string): Tensor => variables.get(`${layer.title}/${name}`) as Tensor;
    expect(new Set(variables.keys())).toEqual(new Set(Object.keys(golden.weights).map((name) => `${layer.title}/${name}`)));

    const expected = new Map<Tensor, Nested>([[outputs[0] as Tensor, golden.output]]);
    if (golden.outputGradient !== undefined) {
      const names = Object.keys(golden.weightGradients ?? {});
      const wanted = [inputs[0] as Tensor, ...names.map(variable)];
      const found = gradients(seededLoss(outputs[0] as Tensor, array(golden.outputGradient)), wanted);
      expected.set(found[0] as Tensor, golden.inputGradient as Nested);
      names.forEach((name, i) => {
        expected.set(found[i + 1] as Tensor, golden.weightGradients?.[name] as Nested);
      });
    }
    for (const [name, value] of Object.entries(golden.statisticsAfter ?? {})) {
      expected.set(updates.get(`${layer.title}/${name}`) as Tensor, value);
    }
    if (golden.training !== true) expect(updates.size).toBe(0);

    const feeds = new Map<Tensor, NdArray>(inputs.map((tensor, i) => [tensor, arrays[i] as NdArray]));
    for (const [name, value] of Object.entries(golden.weights)) feeds.set(variable(name), array(value));
    const results = await compute([...expected.keys()], feeds);
    [...expected.values()].forEach((values, i) => {
      const actual = numbers(results[i]);
      const wanted = flatten(values);
      expect(actual).toHaveLength(wanted.length);
      wanted.forEach((value, k) => {
        expect(Math.abs((actual[k] ?? Number.NaN) - value)).toBeLessThanOrEqual(golden.atol + golden.rtol * Math.abs(value));
      });
    });
    expect(outputs[0]?.shape).toEqual(array(golden.output).shape);
  });
});
