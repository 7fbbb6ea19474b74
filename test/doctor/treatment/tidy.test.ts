import { NdArray } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import type { Patient } from '#src/doctor/treatment/patient.js';
import { tidied } from '#src/doctor/treatment/tidy.js';
import type { AppliedRemedy } from '#src/doctor/treatment/treatment.js';

const patient = ({ kernel = 'heNormal', clip }: { kernel?: string; clip?: number } = {}): Patient => ({
  config: {
    format: 'evenkeel',
    version: 1,
    name: 'net',
    dtype: 'float32',
    seed: 0,
    layers: [{ kind: 'dense', name: 'dense_1', config: { units: 3, kernelInitializer: { name: kernel, config: {} } } }],
    calls: [],
    inputs: [],
    outputs: [],
    compile: { optimizer: { name: 'sgd', config: clip === undefined ? {} : { globalClipNorm: clip } } },
  } as unknown as Patient['config'],
  batchSize: 32,
  weights: new Map(),
  slots: new Map(),
  epochsDone: 0,
  stepsDone: 0,
  adapted: new Set(),
});
const remedy = (id: string, what: string = id, rest: Partial<AppliedRemedy> = {}): AppliedRemedy => ({
  id,
  cost: 'training',
  what,
  answers: [],
  ...rest,
});
const rate = (from: number, to: number, answers: string[] = []): AppliedRemedy =>
  remedy(to > from ? 'raise-learning-rate' : 'lower-learning-rate', `from ${from} to ${to}`, { rate: { from, to, scheduled: false }, answers });

describe('remedies, tidied', () => {
  it('tell of one change of the rate, from the first to the last', () => {
    const list = [rate(0.1, 0.01, ['step-too-large']), remedy('warm-up'), rate(0.01, 0.3, ['slow-learning', 'step-too-large'])];
    expect(tidied(list, patient(), patient())).toEqual([
      {
        id: 'raise-learning-rate',
        cost: 'training',
        what: 'raise the learning rate from 0.1 to 0.3',
        rate: { from: 0.1, to: 0.3, scheduled: false },
        answers: ['step-too-large', 'slow-learning'],
      },
      remedy('warm-up'),
    ]);
  });

  it('leave out a rate that ends where it began', () => {
    const list = [rate(0.001, 3e-7), remedy('standardize-inputs'), rate(3e-7, 0.001)];
    expect(tidied(list, patient(), patient())).toEqual([remedy('standardize-inputs')]);
    expect(tidied(list.slice(0, 2), patient(), patient())).toEqual(list.slice(0, 2));
  });

  it('leave out what drew weights that were drawn anew', () => {
    const list = [remedy('lsuv'), remedy('suiting-initializer')];
    expect(tidied(list, patient(), patient({ kernel: 'auto' }))).toEqual([remedy('suiting-initializer')]);
    expect(tidied(list, patient(), patient({ kernel: 'lsuv' }))).toEqual([remedy('lsuv')]);
  });

  it('leave out clipping that was given up again, and tell where the network clipped before', () => {
    const list = [remedy('clip-gradients'), remedy('raise-clip')];
    expect(tidied(list, patient(), patient())).toEqual([]);
    expect(tidied(list.slice(1), patient({ clip: 1 }), patient())).toEqual(list.slice(1));
    expect(tidied(list.slice(0, 1), patient(), patient({ clip: 1 }))).toEqual(list.slice(0, 1));
  });

  it('leave out units that were revived in layers that are drawn anew', () => {
    const revived = remedy('revive-units', 'revive', { revived: { units: 2, layers: ['dense_1'] } });
    const kept = { ...patient(), weights: new Map([['dense_1/kernel', NdArray.zeros([2, 3])]]) };
    expect(tidied([revived], kept, kept)).toEqual([revived]);
    expect(tidied([revived], kept, patient())).toEqual([]);
  });
});
