import { describe, expect, it } from 'vitest';
import { scoreOf } from '../../ward/score.js';
import { agree, healthOf, relativeTo } from '../../ward/truth.js';

const training = (relative: number, diverged = false) => ({ relative, diverged });

describe('health', () => {
  it('is what most seeds say', () => {
    expect(healthOf([training(0.98), training(0.99), training(0.5)])).toBe('healthy');
    expect(healthOf([training(0.98), training(0.89), training(0.5)])).toBe('sick');
    expect(healthOf([training(0.98), training(0.95), training(0.5)])).toBe('grey');
    expect(healthOf([training(0.9), training(0.97), training(0.93)])).toBe('grey');
  });

  it('takes divergence for failure, whatever was reached before', () => {
    expect(healthOf([training(0.99, true), training(0.99, true), training(0.99)])).toBe('sick');
  });
});

describe('agreement', () => {
  it('is there where each seed by itself says the same', () => {
    expect(agree([training(0.98), training(0.99), training(1.02)])).toBe(true);
    expect(agree([training(0.5), training(0.99, true), training(0)])).toBe(true);
    expect(agree([training(0.98), training(0.99), training(0.96)])).toBe(false);
    expect(agree([training(0.95), training(0.95), training(0.95)])).toBe(false);
  });
});

describe('score', () => {
  const classes = { task: 'classes' as const, chance: 0.25, classes: 2 };
  const numbers = { task: 'numbers' as const, chance: 0, classes: 1 };

  it('is accuracy less chance', () => {
    // Rows say 0, 1, 1, 0; three of four are right.
    expect(scoreOf([0.9, 0.1, 0.2, 0.8, 0.4, 0.6, 0.7, 0.3], [0, 1, 1, 1], classes)).toBe(0.5);
  });

  it('is the explained part of the variance where targets are numbers', () => {
    expect(scoreOf([1, 2, 3, 4], [1, 2, 3, 4], numbers)).toBe(1);
    expect(scoreOf([2.5, 2.5, 2.5, 2.5], [1, 2, 3, 4], numbers)).toBe(0);
    // Residuals of 1 each, squares 4 of 5.
    expect(scoreOf([2, 1, 4, 3], [1, 2, 3, 4], numbers)).toBeCloseTo(0.2, 12);
  });

  it('is 0 where predictions are not finite', () => {
    expect(scoreOf([Number.NaN, 1, 0, 1], [1, 1], classes)).toBe(0);
  });

  it('relates to the reference from chance on', () => {
    expect(relativeTo(0.4, 0.8)).toBe(0.5);
    expect(relativeTo(-0.1, 0.8)).toBe(0);
  });
});
