import { ArgumentError } from '../core/errors.js';
import { checkList, checkOptionNames, refuse } from '../core/expect.js';
import { suggestion } from '../core/names.js';
import type { Trace } from '../vitals/trace.js';
import { checkTrace, Examination } from './examination.js';
import type { Finding } from './finding.js';
import { findingsOf, withCauses } from './rule.js';
import { rules } from './rules/index.js';

/** Accepted findings: findings of these rules at these layers are not reported again. */
export type Baseline = readonly { readonly rule: string; readonly layers: readonly string[] }[];

export interface DiagnoseOptions {
  /** Ids of rules to skip. */
  readonly ignore?: readonly string[];
  readonly baseline?: Baseline;
}

/** Names of the options. */
export const diagnoseOptions = ['ignore', 'baseline'] as const;

/** Ids of all rules. */
export const ruleIds: readonly string[] = rules.map(({ id }) => id);

/** @throws ArgumentError on an id that no rule has, with the nearest one. */
export function checkRuleIds(ids: readonly string[]): void {
  for (const id of ids) {
    if (!ruleIds.includes(id)) throw new ArgumentError(`unknown rule '${id}'${suggestion(id, ruleIds)}`, { argument: 'ignore', received: id });
  }
}

/** @throws ArgumentError on an unknown rule, or accepted findings that are none. @param owner what was given them. */
export function checkDiagnoseOptions(owner: string, { ignore = [], baseline }: DiagnoseOptions): void {
  checkList(owner, 'ignore', ignore);
  checkRuleIds(ignore);
  checkList(owner, 'baseline', baseline);
  const stray = baseline?.find((one) => typeof one?.rule !== 'string' || !Array.isArray(one.layers));
  if (stray !== undefined) refuse(owner, 'baseline', 'a list of accepted findings, such as { rule, layers }, as baseline', stray);
}

/**
 * What is wrong with a network, from the trace of its run, or of a look at it before the first step. Pure: the same trace gives the same findings.
 * @returns findings that make training suffer first, each severity in the order of the rules.
 * @throws ArgumentError if it is no trace, or a rule is not known.
 */
export function diagnose(trace: Trace, options: DiagnoseOptions = {}): Finding[] {
  checkTrace('diagnose', trace);
  checkOptionNames('diagnose', options, diagnoseOptions);
  checkDiagnoseOptions('diagnose', options);
  return diagnoseExamination(new Examination(trace), options);
}

/** The same of a trace whose facts were worked out before, by options that were checked. */
export function diagnoseExamination(examination: Examination, options: DiagnoseOptions = {}): Finding[] {
  const { ignore = [], baseline = [] } = options;
  const applied = rules.filter(({ id }) => !ignore.includes(id));
  const found = withCauses(
    applied.flatMap((rule) => findingsOf(rule, examination)),
    applied,
  );
  const told = found.filter((finding) => !baseline.some((accepted) => covers(accepted, finding)));
  return [...told.filter(({ severity }) => severity === 'ill'), ...told.filter(({ severity }) => severity === 'risk')];
}

/** Whether an accepted finding speaks of the same: the rule, and no layer that is new. */
function covers(accepted: Baseline[number], { rule, layers }: Finding): boolean {
  return accepted.rule === rule && layers.every((layer) => accepted.layers.includes(layer));
}
