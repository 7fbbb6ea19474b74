import * as evenkeel from 'evenkeel';
import { codeOf, type Dataset, doctor, layers, type Model, NdArray, patchOf, Random, sequential, type Treatment, treatmentHtml } from 'evenkeel';
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

const keep = ['architecture', 'activations', 'learningRate', 'optimizer', 'data'] as const;
const net = (options: Parameters<typeof layers.dense>[1] = {}): Model =>
  sequential([layers.input([2]), layers.dense(16, { activation: 'relu', ...options }), layers.dense(3, { activation: 'softmax' })], { seed: 1 });

/** What the code of a treatment makes, run as it stands. */
async function made({ after }: Treatment): Promise<Model> {
  const code = (codeOf(after, 'evenkeel') ?? '').replace('.fit(train, {', '.fit(train, { verbose: 0,');
  const given = { ...evenkeel, train };
  const body = `return (async () => { ${code}\nreturn model; })()`;
  return new Function(...Object.keys(given), `{ ${body} }`)(...Object.values(given));
}

describe('the code of a treatment', () => {
  it('makes the network that trains, where its units were silent as drawn', async () => {
    const biasInitializer = evenkeel.initializers.constant({ value: -10 });
    const given = net({ biasInitializer }).compile({ ...compile, optimizer: 'adam' });
    const treatment = await doctor.treat(given, train, { epochs: 20, validationData: validation, keep });
    expect(treatment.outcome).toBe('cured');
    expect(treatment.remedies.map(({ id }) => id)).toEqual(['revive-units']);
    for (const framework of ['evenkeel', 'keras', 'pytorch'] as const) expect(patchOf(treatment, framework)).toMatch(/^-.*-10/m);
    const [mine, treated] = [await made(treatment), treatment.model];
    expect((await mine.evaluate(validation)).accuracy).toBeCloseTo((await treated.evaluate(validation)).accuracy ?? 0, 2);
  });

  it('says what it does not make, where units were silent as learned', async () => {
    const given = net().compile({ ...compile, optimizer: 'adam' });
    const arrays = await given.getWeights();
    arrays[1]?.data.fill(-10 as never);
    await given.setWeights(arrays);
    const treatment = await doctor.treat(given, train, { epochs: 20, validationData: validation, keep });
    expect(treatment.outcome).toBe('cured');
    expect(String(treatment)).toContain('(code cannot express such weights: load the treated model)');
    const says = 'this code alone does not reproduce the treated network: the weights of 16 units of dense_1 were redrawn; load the treated model';
    expect(patchOf(treatment)).toContain(`+ // ${says}`);
    expect(patchOf(treatment, 'keras')).toContain(`+ # ${says}`);
    expect(treatmentHtml(treatment)).toContain(says);
  });

  it('trains as many epochs as the treatment did', async () => {
    const given = net();
    given.compile({ ...compile, optimizer: evenkeel.optimizers.sgd({ learningRate: 1e-5 }) });
    const treatment = await doctor.treat(given, train, { epochs: 7, validationData: validation, keep: ['architecture', 'batchSize'] });
    expect(treatment).toMatchObject({ outcome: 'cured', before: { epochs: 7 }, after: { epochs: 7 } });
    const again = await made(treatment);
    expect((await again.getState()).get('iterations')?.at(0)).toBe(treatment.after.steps);
    expect((await again.evaluate(validation)).accuracy).toBeGreaterThan(0.95);
    expect(codeOf(treatment.after, 'keras')).toMatch(/^model\.fit\(x_train, y_train, batch_size=32, epochs=7\)$/m);
    expect(codeOf(treatment.after, 'pytorch')).toMatch(/\n# to train: 7 epochs, each over the whole loader$/);
    for (const framework of ['evenkeel', 'keras', 'pytorch'] as const) expect(patchOf(treatment, framework)).not.toMatch(/^[-+].*epochs/m);
    expect(() => codeOf({ ...treatment.after, epochs: 0.5 }, 'keras')).toThrow('codeOf: expected a whole number of epochs ≥ 1, got 0.5');
  });
});
