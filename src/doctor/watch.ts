import { ArgumentError, show } from '../core/errors.js';
import { checkOptionNames, refuse } from '../core/expect.js';
import type { Callback } from '../training/callbacks.js';
import type { VitalsLevel } from '../vitals/trace.js';
import { checkDiagnoseOptions, type DiagnoseOptions, diagnoseExamination, diagnoseOptions } from './diagnose.js';
import { Examination } from './examination.js';
import type { Finding } from './finding.js';

export interface WatchOptions extends DiagnoseOptions {
  /** Steps between observations; 400 unless given, the first steps more often. */
  readonly every?: number;
  /** Default 'full'. */
  readonly level?: VitalsLevel;
  /** Also record values of each unit, for `history.trace` and its report; default false. */
  readonly units?: boolean;
  /** What to do on a finding: print a line for each new one ('warn', the default), end the fit at the first ill one ('stop'), or nothing. */
  readonly onFinding?: 'warn' | 'stop' | 'ignore' | ((finding: Finding) => void);
  /** Receives the lines of 'warn' and 'stop'; default `console.warn`. */
  readonly warn?: (line: string) => void;
}

const actions = ['warn', 'stop', 'ignore'];

/**
 * A callback that looks for what is wrong while a model trains: after the first step, after every pass, and where a value is not finite. Each finding is
 * told once; `history.trace` has all that was measured. A fit that is stopped ends with the history of whole epochs.
 * @throws ArgumentError on a wrong option.
 */
export function watch(given: WatchOptions = {}): Callback {
  checkOptionNames('watch', given, ['every', 'level', 'units', 'onFinding', 'warn', ...diagnoseOptions]);
  const { every, level, units, onFinding = 'warn', warn = console.warn, ...options } = given;
  if (every !== undefined && !(Number.isInteger(every) && every >= 1)) {
    throw new ArgumentError(`watch: every must be a whole number of steps ≥ 1, got ${show(every)}`, { argument: 'every', received: every });
  }
  if (typeof onFinding !== 'function' && !actions.includes(onFinding)) {
    throw new ArgumentError(`watch: onFinding must be 'warn', 'stop', 'ignore' or a function, got ${show(onFinding)}`, {
      argument: 'onFinding',
      received: onFinding,
    });
  }
  if (typeof warn !== 'function') refuse('watch', 'warn', 'a function of a line for warn, such as console.warn', warn);
  checkDiagnoseOptions('watch', options);
  let told = new Set<string>();
  let first: Examination | undefined;
  const tell = (finding: Finding, stop: () => void): void => {
    const key = `${finding.rule} ${finding.severity}`;
    if (told.has(key)) return;
    told.add(key);
    if (typeof onFinding === 'function') onFinding(finding);
    else if (onFinding !== 'ignore') warn(`${finding.severity} ${finding.rule}: ${finding.cause}`);
    if (onFinding === 'stop' && finding.severity === 'ill') stop();
  };
  return {
    every: 'epoch',
    vitals: { ...(every === undefined ? {} : { every }), ...(level === undefined ? {} : { level }), ...(units === undefined ? {} : { units }) },
    onTrainBegin: () => {
      told = new Set();
      first = undefined;
    },
    onRecord: (record, control) => {
      const { trace } = control;
      const due = record.kind === 'epoch' || record.kind === 'failure' || (record.kind === 'step' && trace?.steps.length === 1);
      if (!trace || !due) return;
      // What theory says of the network as it was drawn stays the same all through the run.
      const examination = new Examination(trace, { run: first });
      first ??= examination;
      for (const finding of diagnoseExamination(examination, options)) tell(finding, () => control.stop());
    },
  };
}
