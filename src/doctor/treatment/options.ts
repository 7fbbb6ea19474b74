import { ArgumentError, show } from '../../core/errors.js';
import { checkList, checkOptionNames, checkWhole, isRecord, refuse } from '../../core/expect.js';
import { suggestion } from '../../core/names.js';
import { NdArray } from '../../core/ndarray.js';
import type { Custom } from '../../layers/registry.js';
import { type BatchLike, isBatch } from '../../model/arguments.js';
import { checkDiagnoseOptions, type DiagnoseOptions } from '../diagnose.js';
import { remedies as hints } from '../remedies.js';
import { type Alterable, alterables } from './method.js';
import { methodOf } from './methods.js';

export interface TreatOptions extends DiagnoseOptions {
  /** Epochs of the full run; default 5. */
  readonly epochs?: number;
  /** Rows per step; default 32. */
  readonly batchSize?: number;
  /** Rows on which trials are judged; by default a `validationSplit` (0.15) of the data, drawn with the seed. */
  readonly validationData?: BatchLike;
  readonly validationSplit?: number;
  /** What the split, redrawn weights and the order of the rows come from: the seed of the model that is trained; default that of the given one. */
  readonly seed?: number;
  /**
   * Limits: number of short trials (default 6; each takes a tenth of a training, or up to a fifth if a training is shorter than 500 steps), total steps
   * (default three trainings), seconds (default unlimited).
   */
  readonly budget?: { readonly trials?: number; readonly steps?: number; readonly seconds?: number };
  /** What must not be changed. */
  readonly keep?: readonly Alterable[];
  /** Ids of the only remedies that may be applied, and of those that may not. */
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  /** How remedies are chosen: by the findings, or at random as a baseline; default 'evidence'. */
  readonly choose?: 'evidence' | 'random';
  /** If a run becomes ill after some healthy epochs, continue from the last of them instead of from the start, without losing what it learned; default false. */
  readonly during?: boolean;
  /** Ends the treatment; the best result so far is returned. */
  readonly signal?: AbortSignal;
  /** Receives a line of text for each step of the treatment. */
  readonly onProgress?: (line: string) => void;
  /** Layer classes of your own that the model uses, by name, as for `load`; functions of your own are taken from the model. */
  readonly custom?: Custom;
  /** Milliseconds since some origin; default `performance.now`. */
  readonly clock?: () => number;
}

const ids: readonly string[] = Object.values(hints).map(({ id }) => id);
const known = [
  ...['epochs', 'batchSize', 'validationData', 'validationSplit', 'seed', 'budget', 'keep', 'allow', 'deny', 'choose'],
  ...['during', 'signal', 'onProgress', 'custom', 'clock', 'ignore', 'baseline'],
];

/** @throws ArgumentError on an option that is not known or has no meaning. */
export function checkTreatOptions(options: TreatOptions): void {
  const given: unknown = options;
  if (!isRecord(given) || given instanceof NdArray)
    refuse('treat', 'options', 'options such as { epochs: 5 }; rows and targets are passed together: treat(model, { x, y }, options)', given);
  checkOptionNames('treat', options, known);
  const { budget, during, signal, validationData } = options;
  if (validationData !== undefined && !isBatch(validationData)) refuse('treat', 'validationData', '{ x, y } for validationData', validationData);
  if (budget !== undefined && !isRecord(budget)) refuse('treat', 'budget', 'a budget such as { trials: 4, steps: 5000, seconds: 60 }', budget);
  if (during !== undefined && typeof during !== 'boolean') refuse('treat', 'during', 'true or false for during', during);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    refuse('treat', 'signal', 'an AbortSignal, such as new AbortController().signal', signal);
  for (const argument of ['onProgress', 'clock'] as const) {
    const given = options[argument];
    if (given !== undefined && typeof given !== 'function') refuse('treat', argument, `a function for ${argument}`, given);
  }
  for (const argument of ['keep', 'allow', 'deny'] as const) checkList('treat', argument, options[argument]);
  for (const argument of ['epochs', 'batchSize'] as const) checkWhole('treat', argument, options[argument]);
  for (const [key, value] of Object.entries(budget ?? {})) {
    if (!['trials', 'steps', 'seconds'].includes(key))
      throw new ArgumentError(`treat: a budget has trials, steps and seconds, not '${key}'`, { argument: 'budget', received: key });
    const counted = key !== 'seconds';
    // Infinity is a bound, too: none.
    const meant = typeof value === 'number' && (counted ? value >= 1 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY) : value > 0);
    if (!meant)
      throw new ArgumentError(`treat: budget.${key} must be a ${counted ? 'whole number ≥ 1' : 'number above 0'}, got ${show(value)}`, {
        argument: 'budget',
        received: value,
      });
  }
  for (const word of options.keep ?? []) {
    if (!alterables.includes(word))
      throw new ArgumentError(`treat: there is no '${word}' to keep${suggestion(word, alterables)}`, {
        argument: 'keep',
        received: word,
      });
  }
  for (const argument of ['allow', 'deny'] as const) {
    for (const id of options[argument] ?? [])
      if (!ids.includes(id)) throw new ArgumentError(`treat: unknown remedy '${id}'${suggestion(id, ids)}`, { argument, received: id });
  }
  checkLeft(options);
  if (options.choose !== undefined && options.choose !== 'evidence' && options.choose !== 'random')
    throw new ArgumentError(`treat: choose must be 'evidence' or 'random', got ${show(options.choose)}`, {
      argument: 'choose',
      received: options.choose,
    });
  checkDiagnoseOptions('treat', options);
}

/** @throws ArgumentError if allow, deny and keep leave no remedy that can be applied. */
function checkLeft({ allow, deny = [], keep = [] }: TreatOptions): void {
  const left = (allow ?? ids).filter((id) => !deny.includes(id));
  const methods = left.flatMap((id) => methodOf(id)?.method ?? []);
  if (methods.some(({ alters }) => !alters.some((one) => keep.includes(one)))) return;
  if (methods.length > 0) {
    const needed = [...new Set(methods.flatMap(({ alters }) => alters))].filter((one) => keep.includes(one));
    throw new ArgumentError(
      `treat: keep leaves no remedy: ${methods.length === 1 ? 'the one that is allowed changes' : 'all that are allowed change'} ${needed.map(show).join(', ')}; keep less, or train with fit`,
      { argument: 'keep', received: keep },
    );
  }
  const why =
    allow?.length === 0
      ? 'allow is an empty list'
      : left.length > 0
        ? `${left.map(show).join(', ')} ${left.length === 1 ? 'is' : 'are'} only proposed, never applied`
        : allow
          ? `both name ${allow.map(show).join(', ')}`
          : 'deny excludes all';
  throw new ArgumentError(`treat: allow and deny leave no remedy: ${why}`, { argument: allow ? 'allow' : 'deny', received: allow ?? deny });
}
