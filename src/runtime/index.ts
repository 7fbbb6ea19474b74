export { availableThreads, createEngine, sharedEngine } from '#runtime';
export type {
  Backend,
  Engine,
  EngineOptions,
  Feeds,
  LoadOptions,
  OptimizationLevel,
  OutputPlan,
  Resident,
  RunOptions,
  RunResult,
  Session,
} from './session.js';
