import {
  type Callback,
  type CompileOptions,
  type Dataset,
  doctor,
  type Finding,
  type FitOptions,
  type Layer,
  layers,
  type Model,
  type Optimizer,
  sequential,
  type Trace,
} from 'evenkeel';
import { glyphSet } from './sets.js';

export interface Patient {
  readonly hidden: () => readonly Layer[];
  readonly head?: () => readonly Layer[];
  readonly compile?: Partial<CompileOptions>;
  readonly fit?: FitOptions;
  /** Whether features are standardized by the network; default true. */
  readonly standardized?: boolean;
  readonly data?: Dataset;
  readonly seed?: number;
}

export function build({ hidden, head, compile, standardized = true, data = glyphSet, seed = 1 }: Patient): Model {
  const shape = data.x.shape.slice(1);
  const model = sequential(
    [
      layers.input(shape, data.x.dtype === 'uint8' ? { dtype: 'uint8' } : {}),
      layers.flatten(),
      ...(standardized ? [layers.normalization({ axis: null })] : []),
      ...hidden(),
      ...(head?.() ?? [layers.dense(10, { activation: 'softmax' })]),
    ],
    { seed },
  );
  return model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', ...compile });
}

/** One minibatch of real rows, without a step. */
export async function examine(patient: Patient): Promise<Trace> {
  const { data = glyphSet } = patient;
  return build(patient).examine(data.x.slice(0, 256), data.y.slice(0, 256));
}

/** A run on real rows; one that stops being finite ends early. */
export async function train(patient: Patient): Promise<Trace> {
  let trace: Trace | undefined;
  const callback: Callback = {
    vitals: { every: 20 },
    onTraceBegin: (_, control) => {
      trace = control.trace;
    },
    onNonFinite: (_, control) => control.stop(),
  };
  await build(patient).fit(patient.data ?? glyphSet, { epochs: 2, verbose: 0, ...patient.fit, callbacks: [callback] });
  if (!trace) throw new Error('no trace was recorded');
  return trace;
}

/** Hidden layers alike. */
export const row = (depth: number, width: number, options: Parameters<typeof layers.dense>[1]): Layer[] =>
  Array.from({ length: depth }, () => layers.dense(width, options));

/** The same patient under another optimizer. */
export const by = (patient: Patient, optimizer: Optimizer): Patient => ({ ...patient, compile: { optimizer } });

/** How bad a rule finds it; undefined where it finds nothing. */
export const severityOf = (trace: Trace, rule: string): Finding['severity'] | undefined =>
  doctor.diagnose(trace).find((one) => one.rule === rule)?.severity;
