import { confidenceOf } from './confidence.js';
import type { Examination } from './examination.js';
import type { Finding, RemedyHint } from './finding.js';
import { cheapestFirst } from './remedies.js';

/** What a rule found, but for what every finding of the rule shares. */
export interface Symptom {
  readonly severity: Finding['severity'];
  readonly layers: readonly string[];
  readonly step?: number;
  readonly measured: Finding['measured'];
  readonly expected: Finding['expected'];
  /** How far beyond what is expected, at least 1; found from measured and expected unless given. */
  readonly margin?: number;
  readonly cause: string;
  readonly remedies?: readonly RemedyHint[];
}

/** One thing that the doctor looks for; its page in docs/rules is made from it. */
export interface Rule {
  /** Stable: what `--ignore` and baselines name. */
  readonly id: string;
  /** A few words. */
  readonly title: string;
  /** What it looks at, and for what. */
  readonly looksFor: string;
  /** Where its thresholds come from. */
  readonly threshold: string;
  /** Why it hurts. */
  readonly why: string;
  /** What may answer it. */
  readonly remedies: readonly RemedyHint[];
  /** Whether a training shows how a network bears it: where it learns all the same what would be ill is a risk, and where it learned next to nothing a clear risk is ill. */
  readonly bearable?: boolean;
  /** Ids of rules whose findings it leads to: where one of those is ill, a clear risk of this one is ill too, as its cause. */
  readonly leadsTo?: readonly string[];
  check(examination: Examination): readonly Symptom[];
}

/** Rules that say that a network learned too little, whatever the cause. */
export const unlearned = ['loss-stalls', 'slow-learning', 'below-neighbours'] as const;

/** A rule's symptoms as findings. */
export function findingsOf(rule: Rule, examination: Examination): Finding[] {
  return rule.check(examination).map(({ step, margin, remedies, ...symptom }) => {
    const beyond = Math.max(1, margin ?? marginOf(symptom));
    const severity = examination.masters ? 'risk' : rule.bearable ? borne(symptom.severity, beyond, examination) : symptom.severity;
    return {
      rule: rule.id,
      ...symptom,
      severity,
      step: step ?? examination.last?.step ?? 0,
      margin: beyond,
      confidence: confidenceOf(rule.id, severity, beyond),
      remedies: cheapestFirst(remedies ?? rule.remedies),
    };
  });
}

/** From this margin on a risk is clear. */
export const CLEAR = 1.4;

/** Findings in which clear risks are ill where what they lead to is: a cause is told beside what it does. */
export function withCauses(findings: readonly Finding[], rules: readonly Rule[]): Finding[] {
  const ill = new Set(findings.flatMap(({ rule, severity }) => (severity === 'ill' ? [rule] : [])));
  const causes = new Set(rules.flatMap(({ id, leadsTo = [] }) => (leadsTo.some((effect) => ill.has(effect)) ? [id] : [])));
  return findings.map((finding) => {
    const { rule, severity, margin } = finding;
    if (severity === 'ill' || margin < CLEAR || !causes.has(rule)) return finding;
    return { ...finding, severity: 'ill', confidence: confidenceOf(rule, 'ill', margin) };
  });
}

/** How bad it is, as the training shows that it was borne. */
function borne(severity: Symptom['severity'], margin: number, examination: Examination): Symptom['severity'] {
  if (examination.learns || examination.suffices()) return 'risk';
  return examination.suffers && margin >= CLEAR ? 'ill' : severity;
}

/** By what factor a quantity lies beyond its limits. */
function marginOf({ measured: { value }, expected: { from, to } }: Pick<Symptom, 'measured' | 'expected'>): number {
  if (from !== undefined && value < from) return value > 0 ? from / value : Number.MAX_VALUE;
  if (to !== undefined && value > to) return to > 0 ? value / to : Number.MAX_VALUE;
  return 1;
}

/** What sentences say behind a loss, whether or not what regularizers and layers add was taken from it. */
export const without = (taken: boolean): string => (taken ? ' without penalties' : '');

/** A number as sentences have it: what is less than 1 is never said to be 1. */
export function say(number: number, digits = 2): string {
  if (!Number.isFinite(number)) return String(number);
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return number.toExponential(digits - 2).replace('e+', 'e');
  const rounded = Number(number.toPrecision(digits));
  return size < 1 && Math.abs(rounded) >= 1 ? say(number, digits + 1) : String(rounded);
}

/** Digits of a float32: what differs in none of them is alike. */
const MOST_DIGITS = 7;

/** Numbers that a sentence compares, with as many digits as tell them apart. */
export function sayApart<T extends readonly number[]>(...numbers: T): { readonly [K in keyof T]: string } {
  const told = numbers.map((number) => Number(number.toPrecision(MOST_DIGITS)));
  const saidWith = (digits: number): string[] => told.map((number) => say(number, digits));
  const alike = (said: readonly string[]): boolean => told.some((one, i) => told.some((other, k) => one !== other && said[i] === said[k]));
  let digits = 2;
  while (digits < MOST_DIGITS && alike(saidWith(digits))) digits++;
  return saidWith(digits) as { [K in keyof T]: string };
}

/** A factor for each of some layers, to three digits. */
export function sayFactor(whole: number, layers: number): string {
  return String(Number((whole ** (1 / Math.max(1, layers))).toPrecision(3)));
}

/** A share as a percentage: neither none nor all where it is neither. */
export function percent(share: number): string {
  const rest = 1 - share;
  if (share > 0 && share < 0.01) return `${Number((100 * share).toPrecision(1))} %`;
  if (rest > 0 && rest < 0.01) return `${Number((100 - Number((100 * rest).toPrecision(1))).toPrecision(12))} %`;
  return `${Math.round(100 * share)} %`;
}

/** `from 1 to 3`, or `of 2` where both are the same in the words that a sentence has. */
export const sayRange = (least: string, most: string): string => (least === most ? `of ${least}` : `from ${least} to ${most}`);

/** `dense_1`, `dense_1 and dense_2`, `dense_1 to dense_20 (20 layers)`; each once, however often it is used. */
export function sayLayers(uses: readonly string[]): string {
  const names = [...new Set(uses)];
  const [first = '', second] = names;
  if (names.length <= 1) return first;
  return names.length === 2 ? `${first} and ${second}` : `${first} to ${names.at(-1)} (${names.length} layers)`;
}
