import { describe, expect, it } from 'vitest';
import { mosaic } from '#src/views/mosaic.js';

describe('mosaic', () => {
  it('tells between which steps units died, however many', () => {
    const died = Array.from({ length: 300_000 }, (_, unit) => ({ unit, step: 5 + ((unit * 7) % 100), by: 'bias' as const }));
    const drawn = String(mosaic({ epoch: 0, layers: [{ name: 'dense_1', units: { states: 'd300000', dead: 300_000, coma: 0, died } }] }));
    expect(drawn).toContain('300000 (step 5 to 104; 300000 by their bias)');
  });
});
