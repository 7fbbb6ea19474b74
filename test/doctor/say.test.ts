import { doctor, layers, type Model, NdArray, Random, sequential, type Trace } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { say, sayApart } from '#src/doctor/rule.js';

describe('numbers in sentences', () => {
  it('have two digits, and are not 1 where they are less', () => {
    expect([0.123, 2.345, 45.6, 0.0123, 1e-4, 3.2e6, 0, 1, Number.NaN].map((number) => say(number))).toEqual([
      '0.12',
      '2.3',
      '46',
      '0.012',
      '1e-4',
      '3e6',
      '0',
      '1',
      'NaN',
    ]);
    expect([0.994, 0.9951, 0.99996, -0.998, 1.001].map((number) => say(number))).toEqual(['0.99', '0.995', '0.99996', '-0.998', '1']);
  });

  it('have as many digits as tell those apart that are compared', () => {
    expect(sayApart(0.9945, 0.9964, 0.9912)).toEqual(['0.995', '0.996', '0.991']);
    expect(sayApart(0.59301, 0.59316)).toEqual(['0.593', '0.5932']);
    expect(sayApart(1.2e-5, 1.3e-5)).toEqual(['1.2e-5', '1.3e-5']);
    expect(sayApart(0.5, 0.25)).toEqual(['0.5', '0.25']);
    // What differs beyond float32 is alike.
    expect(sayApart(0.62, 0.6200000047683716)).toEqual(['0.62', '0.62']);
  });
});

/** A whole run of a small network, with other words about what it came to. */
async function told(change: (trace: Trace) => Trace): Promise<readonly string[]> {
  const random = new Random(5);
  const x = new NdArray(
    Float32Array.from({ length: 800 }, () => random.normal()),
    [400, 2],
  );
  const y = new NdArray(
    Int32Array.from({ length: 400 }, (_, row) => row % 2),
    [400],
  );
  const net: Model = sequential([layers.input([2]), layers.dense(4, { activation: 'relu' }), layers.dense(2, { activation: 'softmax' })], {
    seed: 1,
  });
  net.compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  const { trace } = await net.fit(x, y, { epochs: 20, verbose: 0, validationSplit: 0.2, callbacks: [doctor.watch({ onFinding: 'ignore' })] });
  return doctor.diagnose(change(trace as Trace)).map(({ rule, cause }) => `${rule}: ${cause}`);
}

/** The trace with logs of all epochs as given. */
const logging = (trace: Trace, logs: Readonly<Record<string, number>>): Trace => ({
  ...trace,
  epochs: trace.epochs.map((epoch) => ({ ...epoch, logs: { ...epoch.logs, ...logs } })),
});

describe('findings that compare numbers', () => {
  it('tell what was reached from what neighbours reach', async () => {
    const neighbours = { log: 'val_accuracy', value: 0.9967, chance: 0.99, perfect: 1, rows: 320 };
    const findings = await told((trace) => {
      const { header } = trace;
      const training = header.training && { ...header.training, neighbours };
      return { ...logging(trace, { val_accuracy: 0.995 }), header: { ...header, ...(training ? { training } : {}) } };
    });
    expect(findings.find((text) => text.startsWith('below-neighbours'))).toContain(
      'val_accuracy is 0.995 after 200 steps; neighbours among 320 training rows would reach 0.997, and chance 0.99',
    );
  });

  it('tell a loss that stalls from that of chance', async () => {
    const findings = await told((trace) => logging(trace, { loss: 0.6921, val_loss: 0.6921 }));
    expect(findings.find((text) => text.startsWith('loss-stalls'))).toBe(
      'loss-stalls: after 200 steps the loss is 0.692; the best constant prediction has 0.693',
    );
  });
});
