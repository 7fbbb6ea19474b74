import { EvenkeelError } from '../core/errors.js';
import type { Callback } from '../training/callbacks.js';

/** Who may use a model: one piece of work at a time; and what reads it, while a fit waits for a callback. */
export class Turns {
  #busy = false;
  /** The last read that a callback began; undefined while no callback is waited for. */
  #reads: Promise<unknown> | undefined;
  /** Whether a callback is waited for that steps follow. */
  #midFit = false;

  /** Whether a fit, with more steps to come, waits for a callback. */
  get midFit(): boolean {
    return this.#midFit;
  }

  /** @throws EvenkeelError while work is under way. */
  requireIdle(): void {
    if (this.#busy) throw new EvenkeelError('the model is busy: first await the fit, evaluate or predict in progress');
  }

  /** @throws EvenkeelError while other work is under way. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.requireIdle();
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }

  /** Work that callbacks may do too, one after the other. @throws EvenkeelError while other work is under way. */
  async reading<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#reads) return this.exclusively(work);
    const done = this.#reads.then(work);
    this.#reads = done.catch(() => {});
    return done;
  }

  /** The same callback, for which the model can be read while the fit waits. */
  lent(callback: Callback): Callback {
    return new Proxy(callback, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? (...given: unknown[]) => this.#lend(key !== 'onTrainEnd', () => value.apply(target, given)) : value;
      },
    });
  }

  /** Waits for what a callback reads as well, even if it does not: afterwards the state that it reads is replaced. */
  async #lend(midFit: boolean, call: () => unknown): Promise<void> {
    this.#reads = Promise.resolve();
    this.#midFit = midFit;
    try {
      await call();
    } finally {
      const reads = this.#reads;
      this.#reads = undefined;
      this.#midFit = false;
      await reads;
    }
  }
}
