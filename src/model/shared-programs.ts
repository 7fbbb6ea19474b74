import type { Engine, Session } from '../runtime/index.js';
import type { Program } from '../training/program.js';

/** A program in an engine. */
export interface Loaded {
  readonly session: Session;
  readonly program: Program;
  /** Ends its use. */
  release(): void;
}

/** Programs that nobody uses and that stay all the same, those last used. */
const SPARE = 8;

interface Entry {
  readonly loading: Promise<Loaded>;
  users: number;
}

/**
 * Compiled programs that models have in common: those whose descriptions differ in nothing but weights, initializers and learning rates, as in a search for
 * the best of these. Each is compiled once: `const programs = new SharedPrograms(); sequential([…], { programs })`. Programs of models with custom
 * functions or layers are not shared.
 */
export class SharedPrograms {
  readonly #engines = new Map<Engine, Map<string, Entry>>();
  #closed = false;

  /** A program of an engine, loaded by the first who asks for it; in use until it is released. */
  async take(engine: Engine, key: string, load: () => Promise<Loaded>): Promise<Loaded> {
    const entries = this.#engines.get(engine) ?? new Map<string, Entry>();
    this.#engines.set(engine, entries);
    const entry = entries.get(key) ?? { loading: load(), users: 0 };
    // The last one used is the last one to go.
    entries.delete(key);
    entries.set(key, entry);
    entry.users += 1;
    try {
      const { program, session } = await entry.loading;
      return {
        program,
        session,
        release: () => {
          entry.users -= 1;
          this.#tidy();
        },
      };
    } catch (error) {
      if (entries.get(key) === entry) entries.delete(key);
      throw error;
    }
  }

  /** Unloads what nobody uses, now and from now on at once. Models that have programs from here keep them until they are disposed. */
  close(): void {
    this.#closed = true;
    this.#tidy();
  }

  #tidy(): void {
    for (const entries of this.#engines.values()) {
      const idle = [...entries].filter(([, { users }]) => users === 0);
      for (const [key, { loading }] of idle.slice(0, this.#closed ? idle.length : Math.max(0, idle.length - SPARE))) {
        entries.delete(key);
        void loading.then(({ release }) => release());
      }
    }
  }
}
