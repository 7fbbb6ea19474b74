import { countOf } from '../../core/count.js';
import type { Examination, WatchedUse } from '../examination.js';
import { walksAlongSteps } from '../forecast/lookups.js';
import { value } from '../measured.js';
import { remedies } from '../remedies.js';
import { percent, type Rule, type Symptom, unlearned } from '../rule.js';
import { speeds } from './speed.js';

interface Share {
  readonly use: WatchedUse;
  readonly share: number;
  readonly count: number;
  readonly units: number;
}

/** Shares of the units of each hidden use that are in a state, in the last whole pass or in the first. */
function shares(examination: Examination, state: 'dead' | 'coma', pass: 'first' | 'last'): Share[] {
  const record = pass === 'first' ? examination.trace.passes[0] : examination.trace.passes.at(-1);
  return examination.bending.flatMap((use) => {
    const units = record?.units[use.column];
    const all = use.layer.shape.at(-1);
    return units && all ? [{ use, share: units[state] / all, count: units[state], units: all }] : [];
  });
}

const worst = (list: readonly Share[]): Share | undefined =>
  list.reduce<Share | undefined>((most, one) => (one.share > (most?.share ?? 0) ? one : most), undefined);

/** Deviation of outputs over the rows, relative to their RMS, up to which they are next to constant. */
const CONSTANT = 0.3;
/** Speed of the fastest kernel over that of the slowest up to which all move at about one pace: healthy networks that start as constants were seen at 210, sick ones from 500 on. */
const ONE_PACE = 300;

/** What thresholds say of layers that the first steps bring back. */
export const BROUGHT_BACK = `before the first step only a risk where all hidden layers start as constants (their outputs vary by less than ${percent(CONSTANT)} over the rows) and an optimizer that divides by the size of the gradient moves all kernels at about one pace (the fastest at most ${ONE_PACE} times as fast as the slowest), which brings units back`;

/** Deviation of a use's outputs over the rows of the first step, and their RMS; undefined where they were not measured. */
export function outputsOf({ first }: Examination, column: number): { readonly deviation: number; readonly rms: number } | undefined {
  const [deviation, rms] = [value(first?.signals.hSpread?.[column]), value(first?.signals.hRms[column])];
  return deviation === undefined || rms === undefined ? undefined : { deviation, rms };
}

/**
 * Whether layers that start as constants, as large biases make them, will be brought back: a first step that is divided by the gradient's size moves all kernels at about one pace.
 * Two layers of tanh with biases of 5 then train as those with none, while five, whose gradients vanish, do not. Not where weights serve all steps of a sequence.
 */
export function bringsBack(examination: Examination): boolean {
  const { adaptive, untrained, facts, bending } = examination;
  if (!adaptive || !untrained || facts.layers.some(walksAlongSteps)) return false;
  const constant = bending.every(({ column }) => {
    const outputs = outputsOf(examination, column);
    return outputs !== undefined && outputs.deviation <= CONSTANT * outputs.rms;
  });
  const list = speeds(examination).map(({ speed }) => speed);
  return constant && list.length > 0 && Math.max(...list) <= ONE_PACE * Math.min(...list);
}

/** Shares of dead units with which one layer, or all together, pass next to nothing on. */
const [WHOLE_LAYER, WHOLE_NETWORK] = [0.95, 0.75];

export const bornDead: Rule = {
  id: 'born-dead',
  bearable: true,
  leadsTo: unlearned,
  title: 'Units born dead',
  looksFor: 'units that did not fire for any instance of the first whole pass over the data (in a check: of its batch), by layer',
  threshold:
    'ill: all but a twentieth of a layer, or three quarters of all units; risk: a fifth of a layer. A ReLU unit with zero bias and centred inputs is dead for a batch with probability 2 to the power of minus the number of independent rows; a whole layer dies with probability 2 to the power of minus its width',
  why: 'a unit that never fires gets no gradient and cannot recover',
  remedies: [remedies.reviveUnits, remedies.standardizeInputs, remedies.suitingInitializer, remedies.changeActivation],
  check(examination) {
    const first = worst(shares(examination, 'dead', 'first').filter(({ share }) => share >= 0.2));
    // What died later is another rule's matter.
    const early = examination.trace.passes[0]?.units[first?.use.column ?? -1]?.died?.length ?? 0;
    if (!first || early > first.count / 2) return [];
    const all = shares(examination, 'dead', 'first');
    const symptom = deadSymptom(all, first, examination.trace.passes[0]?.step ?? 0, 'never fired, for any instance');
    // One half-dead layer among many passes on what the others need: narrow deep rectifiers have such and train.
    const whole = all.reduce((sum, { count }) => sum + count, 0) / all.reduce((sum, { units }) => sum + units, 0);
    const ill = first.share >= WHOLE_LAYER || whole >= WHOLE_NETWORK;
    return [ill ? symptom : { ...symptom, severity: 'risk' }];
  },
};

function deadSymptom(all: readonly Share[], { use, share, count, units }: Share, step: number, how: string): Symptom {
  const limit = share >= 0.5 ? 0.5 : 0.2;
  return {
    severity: limit === 0.5 ? 'ill' : 'risk',
    layers: all.filter((one) => one.share >= limit).map((one) => one.use.layer.name),
    step,
    measured: { what: `share of dead units, ${use.layer.name}`, value: share },
    expected: { to: limit, why: 'dead units cannot learn' },
    margin: share / limit,
    cause: `${count} of ${countOf(units, 'unit')} of ${use.layer.name} ${how} (${percent(share)})`,
  };
}

export const diedInTraining: Rule = {
  id: 'died-in-training',
  bearable: true,
  title: 'Units died in training',
  looksFor:
    'units that had fired before but not for any instance of a later whole pass, with the step after which they were silent and whether biases or weights moved their pre-activations',
  threshold: 'ill: half of a layer; risk: a fifth. One large step that pushes biases far down is enough',
  why: 'a step pushed them into the flat region for every instance; no gradient brings them back',
  remedies: [remedies.lowerLearningRate, remedies.clipGradients, remedies.warmUp, remedies.reviveUnits, remedies.changeActivation],
  check(examination) {
    const { passes } = examination.trace;
    const lost = examination.bending.flatMap((use) => {
      const died = passes.flatMap(({ units }) => units[use.column]?.died ?? []);
      const all = use.layer.shape.at(-1);
      const now = passes.at(-1)?.units[use.column];
      const count = Math.min(died.length, (now?.dead ?? 0) + (now?.coma ?? 0));
      return all && now?.dead ? [{ use, share: count / all, count, units: all, died }] : [];
    });
    const most = lost.reduce<(typeof lost)[number] | undefined>((a, b) => (b.share > (a?.share ?? 0) ? b : a), undefined);
    if (!most || most.share < 0.2) return [];
    const steps = most.died.map(({ step }) => step).sort((a, b) => a - b);
    const causes = most.died.map(({ by }) => by);
    const known = (['bias', 'weights'] as const).map((by) => [by, causes.filter((one) => one === by).length] as const);
    const [by] = known.reduce((a, b) => (b[1] > a[1] ? b : a));
    const why = known.some(([, count]) => count > 0) ? `; ${by === 'bias' ? 'their biases' : 'their weights or inputs'} caused it` : '';
    const [first = 0, last = first] = [steps[0], steps.at(-1)];
    const when = first === last ? `step ${first}` : `steps ${first} to ${last}`;
    return [deadSymptom(lost, most, first, `stopped firing after ${when}${why}`)];
  },
};

export const coma: Rule = {
  id: 'coma',
  bearable: true,
  title: 'Units in coma',
  looksFor:
    'units that were in the flat region of the activation, where the slope is small but not 0, for every instance of the observed steps of a pass',
  threshold: `risk: half of a layer; ill: nine tenths. Such units still learn, slowed down by the slope of the flat region, and may wake up; ${BROUGHT_BACK}`,
  why: 'they act as linear units, or as constants, and learn far more slowly than the others',
  remedies: [remedies.standardizeInputs, remedies.suitingInitializer, remedies.lowerLearningRate, remedies.normalize],
  check(examination) {
    const all = shares(examination, 'coma', 'last');
    const most = worst(all);
    if (!most || most.share < 0.5) return [];
    const limit = most.share >= 0.9 && !bringsBack(examination) ? 0.9 : 0.5;
    return [
      {
        severity: limit === 0.9 ? 'ill' : 'risk',
        layers: all.filter(({ share }) => share >= limit).map(({ use }) => use.layer.name),
        step: examination.trace.passes.at(-1)?.step ?? 0,
        measured: { what: `share of units in coma, ${most.use.layer.name}`, value: most.share },
        expected: { to: limit, why: 'units in the flat region for every row learn slowly' },
        margin: most.share / limit,
        cause: `${most.count} of ${countOf(most.units, 'unit')} of ${most.use.layer.name} were in the flat region for every row examined (${percent(most.share)})`,
      },
    ];
  },
};
