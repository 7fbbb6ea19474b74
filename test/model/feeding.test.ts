import { type Layer, layers, NdArray, Random, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { inferenceRows } from '#src/model/feeding.js';

const of = (shape: readonly number[], ...rest: Layer[]) => inferenceRows(sequential([layers.input(shape), ...rest]).network);

describe('rows of a call where nothing is trained', () => {
  it('are the more the fewer numbers layers give for each', () => {
    expect(of([16], layers.dense(64), layers.dense(3))).toBe(1024);
    expect(of([16], layers.dense(512))).toBe(1024);
    expect(of([16], layers.dense(513))).toBe(512);
    expect(of([784], layers.dense(64))).toBe(512);
    expect(of([16], layers.dense(2048))).toBe(256);
    expect(of([28, 28, 1], layers.conv2d(16, 3), layers.flatten(), layers.dense(10))).toBe(256);
    expect(of([1 << 20], layers.dense(1))).toBe(256);
  });

  it('change nothing in what comes out', async () => {
    const random = new Random(3);
    const x = NdArray.zeros([1500, 4]);
    for (let i = 0; i < x.size; i++) x.set(i, random.normal());
    const y = NdArray.zeros([1500, 1]);
    const model = sequential([layers.input([4]), layers.dense(8, { activation: 'tanh' }), layers.dense(1)]).compile({ loss: 'mse' });
    const out = await model.predict(x);
    expect(out.shape).toEqual([1500, 1]);
    let squares = 0;
    for (let i = 0; i < out.size; i++) squares += out.at(i) ** 2 / out.size;
    expect((await model.evaluate(x, y)).loss).toBeCloseTo(squares, 5);
    expect((await model.evaluate(x, y, { batchSize: 7 })).loss).toBeCloseTo(squares, 5);
    for (const from of [0, 1000, 1024, 1499]) expect((await model.predict(x.slice(from, from + 1))).at(0)).toBeCloseTo(out.at(from), 6);
    await model.dispose();
  });
});
