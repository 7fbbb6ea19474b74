const BUSY = 0;
const STOPPED = 1;

/**
 * Tells two threads whether one of them is inside ONNX Runtime, and keeps it out. onnxruntime-node aborts the whole process where its thread is stopped
 * inside a call, as happens when the process exits; so whoever is about to exit closes the gate and waits.
 */
export class Gate {
  readonly memory: SharedArrayBuffer;
  readonly #flags: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#flags = new Int32Array(memory);
  }

  /** Engine's thread: false where it must stay out. */
  enter(): boolean {
    // Each side writes its own flag before it reads the other's: they cannot miss each other.
    Atomics.store(this.#flags, BUSY, 1);
    if (Atomics.load(this.#flags, STOPPED) === 0) return true;
    this.leave();
    return false;
  }

  leave(): void {
    Atomics.store(this.#flags, BUSY, 0);
    Atomics.notify(this.#flags, BUSY);
  }

  /** Other thread: lets nobody in any more. */
  close(): void {
    Atomics.store(this.#flags, STOPPED, 1);
  }

  /** Other thread: blocks until nobody is inside, at most so many milliseconds. */
  wait(milliseconds: number): void {
    Atomics.wait(this.#flags, BUSY, 1, milliseconds);
  }
}
