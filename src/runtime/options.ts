import { ArgumentError, show } from '../core/errors.js';
import { nearestNames } from '../core/names.js';
import { checkThreads, type EngineClient } from './client.js';
import type { Backend, Engine, EngineOptions } from './session.js';

export interface Resolved {
  readonly backend: Backend;
  readonly threads: number;
}

/**
 * Fills in defaults: the option, else `environment` (the value of `EVENKEEL_BACKEND`), else the first of `known`.
 * @throws ArgumentError for a backend that is not known here, or a number of threads that cannot be.
 */
export function resolveOptions(options: EngineOptions, known: readonly [Backend, ...Backend[]], environment?: string): Resolved {
  const fromEnvironment = environment === '' ? undefined : environment;
  const asked: string = options.backend ?? fromEnvironment ?? known[0];
  const backend = known.find((candidate) => candidate === asked);
  if (backend === undefined) {
    const source = options.backend === undefined ? 'EVENKEEL_BACKEND' : 'backend';
    const [near] = nearestNames(asked, known);
    const names = known.map(show).join(', ');
    const hint = near === undefined ? '' : `; did you mean ${show(near)}?`;
    throw new ArgumentError(`${source} is ${show(asked)}, expected one of ${names}${hint}`, { argument: source, received: asked, expected: known });
  }
  return { backend, threads: checkThreads(options.threads ?? 1) };
}

/** Keeps one engine for each backend and number of threads, and opens a new one where the kept one has ended. */
export function sharing(
  resolve: (options: EngineOptions) => Resolved,
  create: (options: EngineOptions) => Promise<EngineClient>,
): (options?: EngineOptions) => Promise<Engine> {
  const engines = new Map<string, { readonly opening: Promise<EngineClient>; engine?: EngineClient }>();
  return async (options = {}) => {
    const resolved = resolve(options);
    const key = `${resolved.backend} ${resolved.threads}`;
    const kept = engines.get(key);
    if (kept && !kept.engine?.ended) return kept.opening;
    const entry: typeof kept = { opening: create(resolved) };
    engines.set(key, entry);
    try {
      entry.engine = await entry.opening;
      return entry.engine;
    } catch (error) {
      engines.delete(key);
      throw error;
    }
  };
}
