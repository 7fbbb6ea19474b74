import type { NdArray } from '../core/ndarray.js';
import type { Session } from '../runtime/index.js';
import type { Program } from '../training/program.js';
import type { State } from '../training/state.js';
import type { StepSpec } from '../training/step.js';
import { fed } from './feeding.js';
import type { Programs } from './programs.js';
import { arraysOf, type Checked } from './weights.js';

/** What works on one minibatch without a step. */
export interface BatchParts {
  readonly model: string;
  readonly spec: StepSpec;
  readonly programs: Programs;
  readonly state: State;
  readonly checked: Checked;
}

/** Rows of the minibatch. */
export const rowsIn = ({ inputs }: Checked): number => inputs[0]?.shape[0] ?? 1;

/** What programs of one batch are known by. */
export const typesOf = ({ inputs, targets, weights }: StepSpec): unknown[] => [inputs, targets, weights];

/** What a program without a step gives for the minibatch. */
export async function fetchedOf(
  session: Session,
  { spec, program, state, checked }: BatchParts & { readonly program: Program },
  names: readonly string[],
) {
  const values = await state.read(program.reads);
  const kept = Object.fromEntries(program.reads.map((name, i) => [name, values[i] as NdArray]));
  const plan = Object.fromEntries(names.map((name) => [name, 'fetch' as const]));
  const { fetched } = await session.run({ ...fed(spec, arraysOf(checked)), ...kept }, plan);
  return fetched;
}
