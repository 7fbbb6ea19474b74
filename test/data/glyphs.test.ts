import { describe, expect, it } from 'vitest';
import { ArgumentError } from '#src/core/errors.js';
import type { Dataset } from '#src/data/dataset.js';
import { glyphs } from '#src/data/glyphs.js';

/** Softmax regression by plain stochastic gradient descent on pixels scaled to 0..1; returns its accuracy on the test rows. */
function linearAccuracy(train: Dataset, test: Dataset, epochs: number, rate: number): number {
  const [inputs, classes] = [784, 10];
  const weights = new Float64Array(classes * (inputs + 1));
  const scores = (set: Dataset, row: number): number[] =>
    Array.from({ length: classes }, (_, c) => {
      const start = c * (inputs + 1);
      let score = weights[start + inputs] ?? 0;
      for (let i = 0; i < inputs; i++) score += (weights[start + i] ?? 0) * (Number(set.x.data[row * inputs + i]) / 255);
      return score;
    });
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let row = 0; row < train.y.size; row++) {
      const z = scores(train, row);
      const top = Math.max(...z);
      const total = z.reduce((sum, score) => sum + Math.exp(score - top), 0);
      for (let c = 0; c < classes; c++) {
        const slope = (rate / (1 + epoch)) * (Math.exp((z[c] ?? 0) - top) / total - Number(train.y.at(row) === c));
        const start = c * (inputs + 1);
        for (let i = 0; i < inputs; i++) {
          const pixel = Number(train.x.data[row * inputs + i]);
          if (pixel > 0) weights[start + i] = (weights[start + i] ?? 0) - slope * (pixel / 255);
        }
        weights[start + inputs] = (weights[start + inputs] ?? 0) - slope;
      }
    }
  }
  let right = 0;
  for (let row = 0; row < test.y.size; row++) {
    const z = scores(test, row);
    right += Number(z.indexOf(Math.max(...z)) === test.y.at(row));
  }
  return right / test.y.size;
}

describe('glyphs', () => {
  it('has the rows asked for, in bytes, each class equally often', () => {
    const { train, test } = glyphs({ train: 500, test: 100 });
    expect([train.x.dtype, train.x.shape, train.y.dtype, test.x.shape]).toEqual(['uint8', [500, 28, 28], 'int32', [100, 28, 28]]);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 500; i++) counts[train.y.at(i)] = (counts[train.y.at(i)] ?? 0) + 1;
    expect(counts).toEqual(new Array(10).fill(50));
    expect(train.classNames).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  });

  it('is the same for the same seed, another for another, and the parts differ', () => {
    const first = glyphs({ train: 50, test: 50, seed: 3 });
    const again = glyphs({ train: 50, test: 50, seed: 3 });
    expect(again.train.x.data).toEqual(first.train.x.data);
    expect(again.test.y.data).toEqual(first.test.y.data);
    expect(glyphs({ train: 50, test: 50, seed: 4 }).train.x.data).not.toEqual(first.train.x.data);
    expect(first.test.x.data).not.toEqual(first.train.x.data);
  });

  it('draws every digit inside the picture, in ink well above the noise', () => {
    const { train } = glyphs({ train: 1000, test: 1 });
    for (let row = 0; row < 1000; row++) {
      const pixels = [...train.x.slice(row, row + 1).data].map(Number);
      const ink = pixels.filter((value) => value > 100).length;
      expect(ink).toBeGreaterThan(10);
      expect(ink).toBeLessThan(392);
    }
  });

  it('is too hard for a linear model, and no lottery', () => {
    const { train, test } = glyphs({ train: 5000, test: 2000 });
    const accuracy = linearAccuracy(train, test, 5, 0.05);
    expect(accuracy).toBeGreaterThan(0.6);
    expect(accuracy).toBeLessThan(0.9);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses %s rows', (rows) => {
    expect(() => glyphs({ train: rows })).toThrow(ArgumentError);
  });
});
