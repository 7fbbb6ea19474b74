import type { EpochRecord, Measured, StepRecord } from '../vitals/trace.js';

/** What an epoch logged, without what is added to it where that is known. */
export function logOf({ logs, penalties }: EpochRecord, name: string, bare: boolean): number | undefined {
  const log = value(logs[name]);
  return log === undefined || !bare ? log : log - (value(penalties?.[name]) ?? 0);
}

/** A step's loss without what regularizers and layers add. */
export function errorIn(step: StepRecord | undefined): number | undefined {
  const loss = value(step?.loss);
  return loss === undefined ? undefined : loss - (value(step?.penalty) ?? 0);
}

/** Measured numbers as numbers: not finite where they were not, undefined where nothing was measured. */
export function value(measured: Measured | undefined): number | undefined {
  return measured === null || measured === undefined ? undefined : Number(measured);
}

/** The middle of some numbers; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
