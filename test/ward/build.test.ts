import { describe, expect, it } from 'vitest';
import { buildModel } from '../../ward/build.js';
import { type Patient, patientOf } from '../../ward/patients.js';

const plain: Patient = {
  ...patientOf(0),
  body: 'dense',
  depth: 2,
  width: 8,
  activation: { name: 'tanh' },
  normalization: 'none',
  skip: false,
  dropout: 0,
  noise: 0,
  scaling: 'standard',
};
const digits = { task: 'classes' as const, pixels: false, classes: 10, features: 64, grid: [8, 8] as const };
const pictures = { ...digits, pixels: true, features: 784, grid: [28, 28] as const };
const kindsOf = (patient: Patient, set: typeof digits | typeof pictures = digits) => buildModel(patient, set, 1).layers.map(({ kind }) => kind);

describe('the network of a patient', () => {
  it('is dense layers, or convolutions of pictures, halved behind the first ones', () => {
    expect(kindsOf(plain)).toEqual(['input', 'dense', 'dense', 'dense']);
    const convolved: Patient = { ...plain, body: 'convolution', depth: 3 };
    const layers = ['conv2d', 'maxPooling2d', 'conv2d', 'maxPooling2d', 'conv2d', 'flatten', 'dense'];
    expect(kindsOf(convolved)).toEqual(['input', 'reshape', ...layers]);
    expect(kindsOf(convolved, pictures)).toEqual(['input', 'reshape', 'averagePooling2d', ...layers]);
  });

  it('walks along steps, whose last one comes out', () => {
    const walked: Patient = { ...plain, body: 'simpleRnn', recurrentInitializer: { name: 'orthogonal', gain: 0.5 }, dropout: 0.2 };
    expect(kindsOf(walked)).toEqual(['input', 'reshape', 'simpleRnn', 'dropout', 'simpleRnn', 'dropout', 'dense']);
    const [first] = buildModel(walked, digits, 1).layers.filter(({ kind }) => kind === 'simpleRnn');
    expect(first?.config()).toMatchObject({ returnSequences: true, recurrentInitializer: { name: 'orthogonal', config: { gain: 0.5 } } });
    expect(kindsOf({ ...walked, body: 'gru', dropout: 0 })).toEqual(['input', 'reshape', 'gru', 'gru', 'dense']);
  });

  it('says of rows without order that nothing can walk along them', () => {
    const { grid: _, ...table } = digits;
    expect(() => buildModel({ ...plain, body: 'lstm' }, table, 1)).toThrow('no order in space or time');
  });
});
