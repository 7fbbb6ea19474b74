import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '#src/core/errors.js';
import { editDistance, findName, foldName, lookUp, nearestNames, suggestion } from '#src/core/names.js';

const activations = { relu: 1, selu: 2, elu: 3, gelu: 4, leakyRelu: 5, tanh: 6, sigmoid: 7 };
const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 8 });

describe('editDistance', () => {
  it.each([
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['same', 'same', 0],
    ['knernel', 'kernel', 1],
    ['tanh', 'tahn', 1], // a swap is one edit
    ['ca', 'abc', 3], // where unrestricted Damerau–Levenshtein says 2
    ['flaw', 'lawn', 2],
  ])('of %s and %s is %d', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it('is symmetric, zero only for equal words, and grows by at most one for one edit', () => {
    fc.assert(
      fc.property(word, word, fc.nat(8), (a, b, cut) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        const place = Math.min(cut, a.length);
        expect(editDistance(a, `${a.slice(0, place)}x${a.slice(place)}`)).toBe(1);
      }),
    );
  });
});

describe('names', () => {
  it('folds spellings of one name', () => {
    for (const spelling of ['he_normal', 'heNormal', 'HeNormal', 'he-normal', 'he normal', 'HE_NORMAL']) expect(foldName(spelling)).toBe('henormal');
  });

  it('finds the key that a name spells, an exact one first', () => {
    expect(findName('leaky_relu', activations)).toBe('leakyRelu');
    expect(findName('LeakyReLU', activations)).toBe('leakyRelu');
    expect(findName('swish', activations)).toBeUndefined();
    expect(findName('aB', { ab: 1, aB: 2 })).toBe('aB');
  });

  it('does not find what every object inherits', () => {
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty']) expect(findName(name, activations)).toBeUndefined();
  });

  it('puts the nearest names first, preferred ones before equals', () => {
    expect(nearestNames('reslu', Object.keys(activations))[0]).toBe('relu');
    expect(nearestNames('xelu', Object.keys(activations))).toEqual(['elu', 'gelu', 'relu', 'selu']);
    expect(nearestNames('xelu', Object.keys(activations), ['selu'])).toEqual(['selu', 'elu', 'gelu', 'relu']);
    expect(nearestNames('tahn', Object.keys(activations))).toEqual(['tanh']);
    expect(nearestNames('somethingElse', Object.keys(activations))).toEqual([]);
  });

  it('a name with one letter wrong is among its suggestions', () => {
    const keys = Object.keys(activations);
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.nat(20), (name, at) => {
        const place = at % name.length;
        expect(nearestNames(`${name.slice(0, place)}q${name.slice(place + 1)}`, keys)).toContain(name);
      }),
    );
  });

  it('suggests names that begin with what was given first', () => {
    const known = ['eye', 'heUniform', 'heNormal', 'glorotUniform', 'glorotNormal', 'relu6', 'relu', 'selu'];
    expect(suggestion('he', known)).toBe("; did you mean 'heNormal' or 'heUniform'?");
    expect(suggestion('Glorot', known)).toBe("; did you mean 'glorotNormal' or 'glorotUniform'?");
    expect(suggestion('he_n', known)).toMatch(/^; did you mean 'heNormal'/);
    expect(suggestion('z', ['zeros', 'ones'])).toBe('; known: zeros, ones');
  });

  it('words a suggestion, or lists what there is', () => {
    expect(suggestion('tahn', Object.keys(activations))).toBe("; did you mean 'tanh'?");
    expect(suggestion('qqqqqqqqqqq', ['relu', 'selu'])).toBe('; known: relu, selu');
  });

  it('looks up a table, or throws with kind and nearest names', () => {
    expect(lookUp('activation', 'Leaky_ReLU', activations)).toBe(5);
    let thrown: unknown;
    try {
      lookUp('activation', 'reslu', activations);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ArgumentError);
    expect((thrown as ArgumentError).message).toMatch(/^unknown activation 'reslu'; did you mean .*'relu'/);
    expect((thrown as ArgumentError).details).toEqual({ argument: 'activation', received: 'reslu' });
  });
});
