import { ArgumentError, layers, optimizers, sequential, synthetic } from 'evenkeel';
import { describe, expect, it } from 'vitest';

type Plane = Exclude<keyof typeof synthetic, 'addingProblem'>;
const planes = (['blobs', 'moons', 'circles', 'spirals'] satisfies Plane[]).map((name) => [name, synthetic[name]] as const);

describe.each(planes)('%s', (_, make) => {
  it('are the same for one seed, others for another, with the classes even', () => {
    const [one, same, other] = [make({ rows: 61, seed: 3 }), make({ rows: 61, seed: 3 }), make({ rows: 61, seed: 4 })];
    expect([one.x.shape, one.y.shape, one.y.dtype]).toEqual([[61, 2], [61], 'int32']);
    expect(same).toEqual(one);
    expect(other.x.data).not.toEqual(one.x.data);
    const counts = (one.classNames ?? []).map((_, label) => one.y.data.filter((value: number | bigint) => Number(value) === label).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect(counts.reduce((a, b) => a + b)).toBe(61);
  });

  it('can be told apart, and refuse a wrong option', async () => {
    const set = make({ rows: 400, seed: 1 });
    const classes = set.classNames?.length ?? 0;
    const hidden = [1, 2].map(() => layers.dense(24, { activation: 'tanh' }));
    const model = sequential([layers.input([2]), layers.normalization(), ...hidden, layers.dense(classes, { activation: 'softmax' })], { seed: 2 });
    model.compile({ loss: 'sparseCategoricalCrossentropy', optimizer: optimizers.adam({ learningRate: 0.01 }), metrics: ['accuracy'] });
    await model.fit(set, { epochs: 120, verbose: 0 });
    expect((await model.evaluate(set.x, set.y)).accuracy).toBeGreaterThan(0.93);
    expect(() => make({ rwos: 3 } as never)).toThrow(/'rwos'; did you mean 'rows'/);
    expect(() => make({ rows: 0 })).toThrow(ArgumentError);
  });
});

describe('shapes', () => {
  it('circles have their radii, moons and spirals their places, where there is no noise', () => {
    const { x, y } = synthetic.circles({ rows: 40, noise: 0, factor: 0.3 });
    for (let row = 0; row < 40; row++) expect(Math.hypot(x.at(2 * row), x.at(2 * row + 1))).toBeCloseTo(y.at(row) === 0 ? 1 : 0.3, 5);
    const arms = synthetic.spirals({ rows: 40, classes: 4, noise: 0, turns: 1 });
    for (let row = 0; row < 40; row++) {
      const [px, py] = [arms.x.at(2 * row), arms.x.at(2 * row + 1)];
      const radius = Math.hypot(px, py);
      if (radius === 0) continue;
      const turn = Math.atan2(py, px) / (2 * Math.PI) - arms.y.at(row) / 4 - radius;
      expect(Math.abs(turn - Math.round(turn))).toBeLessThan(1e-5);
    }
  });

  it('the adding problem marks one number in each half and sums them', () => {
    const { x, y } = synthetic.addingProblem({ rows: 20, steps: 9, seed: 5 });
    expect([x.shape, y.shape]).toEqual([
      [20, 9, 2],
      [20, 1],
    ]);
    for (let row = 0; row < 20; row++) {
      const marked = Array.from({ length: 9 }, (_, step) => step).filter((step) => x.at(2 * (9 * row + step) + 1) === 1);
      expect(marked).toHaveLength(2);
      expect((marked[0] ?? 9) < 4 && (marked[1] ?? 0) >= 4).toBe(true);
      expect(y.at(row)).toBeCloseTo(
        marked.reduce((sum, step) => sum + x.at(2 * (9 * row + step)), 0),
        6,
      );
    }
  });
});
