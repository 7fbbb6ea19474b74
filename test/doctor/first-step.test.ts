import { layers, type Measured, NdArray, optimizers, type StepRecord, sequential, type Trace } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { by, examine, type Patient, row, severityOf, train } from './patients.js';

const plain: Patient = { hidden: () => row(2, 32, { activation: 'tanh' }) };
const heavy = by(plain, optimizers.sgd({ momentum: 0.9 }));
const normalized: Patient = { hidden: () => [0, 1].flatMap(() => [...row(1, 32, {}), layers.batchNormalization(), layers.activation('tanh')]) };

/** A look in which some of what was measured is something else. */
const told = (trace: Trace, more: Partial<StepRecord>): Trace => ({ ...trace, steps: trace.steps.map((step) => ({ ...step, ...more })) });

/** A look in which the step changes all arrays by that part of their size. */
const moved = (trace: Trace, part: number): Trace => {
  const arrays = trace.steps[0]?.arrays;
  return arrays ? told(trace, { arrays: { ...arrays, update: arrays.weight.map((weight) => part * Number(weight)) } }) : trace;
};

describe('a first step, by what it makes of the loss of its own rows', () => {
  const look = examine(heavy);
  const severity = async (loss: number, lossAfter: Measured) => severityOf(told(await look, { loss, lossAfter }), 'step-too-large');

  it('is measured on the same minibatch', async () => {
    const [step] = (await look).steps;
    expect(Number(step?.lossAfter)).toBeLessThan(Number(step?.loss));
  });

  it.each<[title: string, loss: number, after: Measured, expected: string | undefined]>([
    ['lower', 2.3, 2.2, undefined],
    ['a little more', 2.3, 2.4, undefined],
    ['more', 2.3, 2.8, 'risk'],
    ['half as much again', 2.3, 3.5, 'risk'],
    ['two thirds as much again', 2.3, 3.8, 'ill'],
    ['no number', 2.3, 'NaN', 'ill'],
    ['without end', 2.3, 'Infinity', 'ill'],
    ['many times what was left of it, which is little', 0.01, 0.05, undefined],
    ['all that was learned before', 0.01, 4, 'ill'],
  ])('%s', async (_, loss, after, expected) => {
    expect(await severity(loss, after)).toBe(expected);
  });

  it.each([
    ['turns back', plain],
    ['goes less far', by(plain, optimizers.rmsprop())],
  ])('may raise it more where the next one %s', async (_, patient) => {
    const raisedTo = async (lossAfter: number) => severityOf(told(moved(await examine(patient), 0.15), { loss: 2.3, lossAfter }), 'step-too-large');
    expect([await raisedTo(2.8), await raisedTo(5), await raisedTo(8)]).toEqual([undefined, 'risk', 'ill']);
  });

  it('may raise it by many small changes, which the next ones take back, where it is divided by its size', async () => {
    const look = await examine(by(plain, optimizers.adam()));
    const raisedTo = (part: number, lossAfter: Measured) => severityOf(told(moved(look, part), { loss: 2.3, lossAfter }), 'step-too-large');
    expect([raisedTo(0.09, 8), raisedTo(0.09, 'NaN'), raisedTo(0.11, 8), raisedTo(0.11, 2.2)]).toEqual(['risk', 'ill', 'ill', undefined]);
    expect(severityOf(told(moved(await examine(heavy), 0.09), { loss: 2.3, lossAfter: 8 }), 'step-too-large')).toBe('ill');
  });

  it('may go far where it lowers that', async () => {
    const far = moved(await look, 3);
    const loweredTo = (lossAfter: Measured) => severityOf(told(far, { loss: 2.3, lossAfter }), 'step-too-large');
    expect([loweredTo(1.8), loweredTo(2.2), loweredTo('NaN')]).toEqual(['risk', 'ill', 'ill']);
  });

  it('may go √10 times as far under RMSprop, whose next ones are shorter', async () => {
    const movedBy = async (optimizer: Parameters<typeof by>[1], part: number) =>
      severityOf(told(moved(await examine(by(plain, optimizer)), part), { loss: 2.3, lossAfter: 2.2 }), 'step-too-large');
    expect([await movedBy(optimizers.adam(), 0.49), await movedBy(optimizers.adam(), 0.51)]).toEqual(['risk', 'ill']);
    expect([await movedBy(optimizers.rmsprop(), 0.51), await movedBy(optimizers.rmsprop(), 1.5)]).toEqual([undefined, 'risk']);
    expect([await movedBy(optimizers.rmsprop(), 1.6), await movedBy(optimizers.rmsprop({ rho: 0.5 }), 0.8)]).toEqual(['ill', 'ill']);
  });

  it('may go twice as far under plain gradient descent, whose next ones shrink with the gradient', async () => {
    const look = await examine(plain);
    const movedBy = (part: number) => severityOf(told(moved(look, part), { loss: 2.3, lossAfter: 2.2 }), 'step-too-large');
    expect([movedBy(0.19), movedBy(0.9), movedBy(1.1)]).toEqual([undefined, 'risk', 'ill']);
    expect(severityOf(told(moved(await examine(heavy), 0.9), { loss: 2.3, lossAfter: 2.2 }), 'step-too-large')).toBe('ill');
  });

  it('moves nothing where gradients are added up for a step that comes, and makes weights anew under FTRL', async () => {
    const accumulating = await examine(by(plain, optimizers.adam({ gradientAccumulationSteps: 4 })));
    expect(accumulating.steps[0]?.arrays?.update.every((update) => Number(update) === 0)).toBe(true);
    expect(severityOf(accumulating, 'step-too-small')).toBeUndefined();
    expect(severityOf(accumulating, 'uneven-speeds')).toBeUndefined();
    const slow = by(plain, optimizers.adam({ learningRate: 1e-9, gradientAccumulationSteps: 4 }));
    expect(severityOf(await train({ ...slow, fit: { epochs: 1 } }), 'step-too-small')).toBe('ill');
    const anew = await examine(by(plain, optimizers.ftrl({ learningRate: 0.01 })));
    expect(Number(anew.steps[0]?.arrays?.update[0])).toBeGreaterThan(0.5 * Number(anew.steps[0]?.arrays?.weight[0]));
    expect(severityOf(anew, 'step-too-large')).toBeUndefined();
  });

  it('is judged without penalties', async () => {
    const { loss, lossAfter } = { loss: 102.3, lossAfter: 104.1 };
    expect(severityOf(told(await look, { loss, lossAfter, penalty: 100 }), 'step-too-large')).toBe('ill');
    expect(severityOf(told(await look, { loss, lossAfter }), 'step-too-large')).toBeUndefined();
  });
});

describe('a learning rate, by what the curvature bears', () => {
  it.each<[times: number, of: string, patient: Patient, expected: string | undefined]>([
    [0.9, 'it', plain, undefined],
    [3, 'it', plain, 'risk'],
    [12, 'it', plain, 'risk'],
    [28, 'it', plain, 'risk'],
    [32, 'it', plain, 'ill'],
    [6, 'it with momentum', heavy, 'ill'],
    [20, 'it where all sums are normalized', normalized, 'risk'],
    [151, 'it where all sums are normalized', normalized, 'ill'],
  ])('%d times %s', async (times, _, patient, expected) => {
    expect(severityOf(told(await examine(patient), { learningRate: times * 0.01, stableRate: 0.01 }), 'unstable-rate')).toBe(expected);
  });
});

describe('vectors of an embedding', () => {
  it('are drawn small, and may move by more than their size', async () => {
    const words = new NdArray(
      Int32Array.from({ length: 64 * 6 }, (_, i) => (7 * i + (i % 5)) % 50),
      [64, 6],
    );
    const topics = new NdArray(
      Int32Array.from({ length: 64 }, (_, i) => i % 3),
      [64],
    );
    const look = await sequential(
      [layers.input([6], { dtype: 'int32' }), layers.embedding(50, 8), layers.globalAveragePooling1d(), layers.dense(3, { activation: 'softmax' })],
      { seed: 1 },
    )
      .compile({ optimizer: optimizers.adam({ learningRate: 0.03 }), loss: 'sparseCategoricalCrossentropy' })
      .examine(words, topics);
    const { update, weight } = look.steps[0]?.arrays ?? {};
    expect(Number(update?.[0])).toBeGreaterThan(0.5 * Number(weight?.[0]));
    expect(severityOf(look, 'step-too-large')).toBeUndefined();
  });
});
