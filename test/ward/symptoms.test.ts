import { describe, expect, it } from 'vitest';
import { Monitor } from '../../ward/arms/autotrainer/symptoms.js';

const rising = [0.5, 0.7, 0.8, 0.85, 0.88, 0.9];
const flat = [0.1, 0.1, 0.1, 0.1, 0.1, 0.1];
const well = {
  kernelGradients: [[0.1], [0.1]],
  zeroShare: 0.1,
  accuracy: rising,
  validationAccuracy: rising,
  validationLoss: [1, 0.5],
  finite: true,
};
const low = { ...well, accuracy: flat, validationAccuracy: flat };
const symptom = (look: typeof well, epochs = 10) => new Monitor(epochs).symptom(look);

/** AUTOTRAINER's published thresholds: 1e-3 and 1e-4, 70, 0.7, 0.03 in a fifth of the epochs, 0.01, 0.7. */
describe("AUTOTRAINER's symptoms", () => {
  it('are none while accuracy rises', () => {
    expect(symptom(well)).toBeUndefined();
    expect(symptom({ ...well, zeroShare: 0.9, kernelGradients: [[1e-6], [1]] })).toBeUndefined();
  });

  it('tell one from the other where accuracy stays low', () => {
    expect(symptom({ ...low, zeroShare: 0.7 })).toBe('relu');
    expect(symptom({ ...low, kernelGradients: [[7.1], [0.1]] })).toBe('explode');
    expect(symptom({ ...low, kernelGradients: [[9e-5], [0.1]] })).toBe('vanish');
    expect(symptom({ ...low, kernelGradients: [[2e-4], [0.21]] })).toBe('not_converge');
    expect(symptom(low)).toBe('not_converge');
  });

  it('wait for three tenths of the epochs', () => {
    expect(symptom(low, 21)).toBeUndefined();
    expect(symptom(low, 20)).toBe('not_converge');
  });

  it('take a value that is not finite, or a huge loss, for explosion', () => {
    expect(symptom({ ...well, finite: false })).toBe('explode');
    expect(symptom({ ...well, validationLoss: [1, 1e5] })).toBe('explode');
  });

  it('call an accuracy unstable that swings in a fifth of the epochs', () => {
    const swinging = [0.7, 0.8, 0.75, 0.82, 0.76, 0.84, 0.9, 0.91, 0.92, 0.93];
    expect(symptom({ ...well, accuracy: swinging })).toBe('unstable');
    expect(symptom({ ...well, accuracy: [...rising, 0.89, 0.91] })).toBeUndefined();
  });

  it('remember what was seen at an earlier look', () => {
    const monitor = new Monitor(10);
    expect(monitor.symptom({ ...well, zeroShare: 0.8, accuracy: [0.1], validationAccuracy: [0.1] })).toBeUndefined();
    expect(monitor.symptom(low)).toBe('relu');
  });
});
