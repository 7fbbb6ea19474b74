import type { LayerFacts } from '#src/vitals/facts.js';
import type { StepRecord, Trace } from '#src/vitals/trace.js';

export interface MadeUp {
  readonly depth: number;
  readonly steps: number;
  readonly width?: number;
  /** By what the gradient is multiplied from a layer to the one before it. */
  readonly gain?: number;
  /** States of the units of hidden layer `i`. */
  readonly states?: (i: number) => string;
  readonly name?: (i: number) => string;
}

/** Repeatable noise from 0.5 to 1.5. */
const noise = (a: number, b: number): number => 0.5 + ((((a + 1) * 7919 + (b + 1) * 104_729) * 31) % 1009) / 1009;

/** A made-up run of a ReLU net on standardized features: its numbers are given, not computed. */
export function madeUpTrace({ depth, steps, width = 100, gain = 1, states = () => `a${width}`, name = (i) => `dense_${i + 1}` }: MadeUp): Trace {
  const input: LayerFacts = {
    name: 'input',
    layer: 'input',
    kind: 'input',
    role: 'input',
    inputs: [],
    shape: [width],
    trainable: false,
    weights: [],
    options: {},
  };
  const dense = Array.from({ length: depth }, (_, i): LayerFacts => {
    const units = i === depth - 1 ? 10 : width;
    const initializer = { name: 'heNormal', config: {} };
    return {
      name: name(i),
      layer: name(i),
      kind: 'dense',
      role: 'weights',
      inputs: [i],
      shape: [units],
      trainable: true,
      weights: [{ name: 'kernel', shape: [width, units], trainable: true, initializer }],
      activation: { name: i === depth - 1 ? 'softmax' : 'relu', config: {} },
      fanIn: width,
      fanOut: units,
      options: {},
    };
  });
  const column = (of: (i: number) => number): number[] => Array.from({ length: depth }, (_, i) => of(i));
  const observed = Array.from(
    { length: steps },
    (_, t): StepRecord => ({
      kind: 'step',
      step: t + 1,
      epoch: 0,
      loss: 2.3 * 0.999 ** t * noise(t, 7),
      learningRate: 0.01,
      signals: {
        zMean: column(() => 0),
        zRms: column((i) => noise(i, t)),
        hMean: column(() => 0.4),
        hRms: column((i) => noise(t, i)),
        gRms: column((i) => 0.01 * gain ** (depth - 1 - i) * noise(i, 3 * t)),
      },
      arrays: {
        weight: column(() => 0.14),
        gradient: column((i) => 0.01 * noise(i, t)),
        update: column((i) => 1e-4 * noise(2 * i, t)),
        displacement: column((i) => t * 1e-4 * noise(i, 5)),
      },
    }),
  );
  return {
    header: {
      kind: 'header',
      schema: 'evenkeel-trace',
      version: 1,
      source: 'test',
      model: 'made up',
      network: { dtype: 'float32', layers: [input, ...dense], inputs: [0], outputs: [depth] },
      training: {
        optimizer: { name: 'sgd', config: { learningRate: 0.01 } },
        losses: [{ name: 'sparseCategoricalCrossentropy', config: {} }],
        batchSize: 32,
      },
      watched: column((i) => i + 1),
      arrays: dense.map(({ name }) => `${name}/kernel`),
      every: 1,
      spaced: false,
      level: 'full',
    },
    steps: observed,
    passes: [
      {
        kind: 'pass',
        epoch: 0,
        step: steps,
        units: column((i) => i).map((i) => {
          if (i === depth - 1) return null;
          const text = states(i);
          const count = (state: string): number =>
            [...text.matchAll(/([acd])(\d*)/g)].reduce((sum, [, s, n]) => sum + (s === state ? Number(n === '' ? 1 : n) : 0), 0);
          return { states: text, dead: count('d'), coma: count('c') };
        }),
      },
    ],
    epochs: [{ kind: 'epoch', epoch: 0, step: steps, logs: { loss: 2.2, val_loss: 2.25 } }],
    end: { kind: 'end', steps, seconds: 3 },
  };
}
