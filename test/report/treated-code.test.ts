import * as evenkeel from 'evenkeel';
import { codeOf, type Dataset, doctor, layers, type Model, NdArray, patchOf, Random, sequential, type Treatment } from 'evenkeel';
import { describe, expect, it } from 'vitest';

/** Three groups of points on a circle. */
function groups(rows: number, seed: number): Dataset {
  const random = new Random(seed);
  const angles = Array.from({ length: rows }, (_, row) => 2.1 * (row % 3) + 0.3 * random.normal());
  return {
    x: new NdArray(Float32Array.from(angles.flatMap((angle) => [Math.cos(angle), Math.sin(angle)])), [rows, 2]),
    y: new NdArray(
      Int32Array.from(angles, (_, row) => row % 3),
      [rows],
    ),
  };
}
const [train, validation] = [groups(600, 3), groups(300, 4)];
const compile = { loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] } as const;

/** What the code of a treatment makes, run as it stands. */
async function made({ after }: Treatment): Promise<Model> {
  const code = (codeOf(after, 'evenkeel') ?? '').replace('.fit(train, {', '.fit(train, { verbose: 0,');
  const given = { ...evenkeel, train };
  const body = `return (async () => { ${code}\nreturn model; })()`;
  return new Function(...Object.keys(given), `{ ${body} }`)(...Object.values(given));
}

describe('the code of a treatment', () => {
  it('trains as many epochs as the treatment did', async () => {
    const given = sequential([layers.input([2]), layers.dense(16, { activation: 'relu' }), layers.dense(3, { activation: 'softmax' })], { seed: 1 });
    given.compile({ ...compile, optimizer: evenkeel.optimizers.sgd({ learningRate: 1e-5 }) });
    const treatment = await doctor.treat(given, train, { epochs: 7, validationData: validation, keep: ['architecture', 'batchSize'] });
    expect(treatment).toMatchObject({ outcome: 'cured', before: { epochs: 7 }, after: { epochs: 7 } });
    const again = await made(treatment);
    expect((await again.getState()).get('iterations')?.at(0)).toBe(treatment.after.steps);
    expect((await again.evaluate(validation)).accuracy).toBeGreaterThan(0.95);
    expect(codeOf(treatment.after, 'keras')).toMatch(/^model\.fit\(x_train, y_train, batch_size=32, epochs=7\)$/m);
    expect(codeOf(treatment.after, 'pytorch')).toMatch(/\n# to train: 7 epochs, each over the whole loader$/);
    for (const framework of ['evenkeel', 'keras', 'pytorch'] as const) expect(patchOf(treatment, framework)).not.toMatch(/^[-+].*epochs/m);
    expect(() => codeOf({ ...treatment.after, epochs: 0.5 }, 'keras')).toThrow('codeOf: expected a whole number of epochs, from 1 on, got 0.5');
  });
});
