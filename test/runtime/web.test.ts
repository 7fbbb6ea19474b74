import { describe, expect, test, vi } from 'vitest';
import { createEngine } from '#src/runtime/web.js';

/** A page's worker whose messages cannot be read. */
class Unreadable {
  static ended = 0;

  addEventListener(type: string, listener: (event: unknown) => void): void {
    if (type === 'messageerror') setTimeout(() => listener({}), 0);
  }

  postMessage(): void {}

  terminate(): void {
    Unreadable.ended++;
  }
}

describe('an engine in a page', () => {
  test('ends the worker whose message it could not read', async () => {
    vi.stubGlobal('Worker', Unreadable);
    try {
      await expect(createEngine()).rejects.toThrow('a message of its worker could not be read; create a new engine');
      expect(Unreadable.ended).toBeGreaterThan(0);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});
