import { type Examination, median, value, type WatchedUse } from '../examination.js';
import { remedies } from '../remedies.js';
import { type Rule, say, sayFactor } from '../rule.js';

/** How a gradient changes on its way through a sequence. */
interface Course {
  readonly use: WatchedUse;
  /** Size at the first step over that at the last. */
  readonly ratio: number;
  /** Steps of the sequence. */
  readonly steps: number;
}

/** Layers that walk along a sequence with a state that no gate guards; an LSTM or GRU opens its gates where that pays. */
function coursesOf({ uses, trace, facts }: Examination): Course[] {
  return uses.flatMap((use) => {
    const lists = trace.steps.slice(-5).map(({ signals }) => signals.gRmsByTime?.[use.column] ?? []);
    const ratios = lists.flatMap((list) => {
      const [first, last] = [value(list[0]), value(list.at(-1))];
      return list.length < 2 || first === undefined || last === undefined || !(last > 0) ? [] : [first / last];
    });
    const [from] = use.layer.inputs;
    const steps = from === undefined ? undefined : facts.layers[from]?.shape[0];
    if (use.layer.kind !== 'simpleRnn' || ratios.length === 0 || typeof steps !== 'number') return [];
    return [{ use, ratio: median(ratios), steps }];
  });
}

/** Whether the training clips gradients. */
function clips({ trace }: Examination): boolean {
  return Object.entries(trace.header.training?.optimizer.config ?? {}).some(([option, given]) => /clip/i.test(option) && given != null);
}

const looksFor =
  'the RMS of ∂L/∂z at the first step of the sequence over that at the last, in recurrent layers without gates; an LSTM and a GRU begin with gates half closed, through which next to nothing of a far step comes, and open them where that pays';

export const vanishingAlongTime: Rule = {
  id: 'vanishing-along-time',
  bearable: true,
  title: 'Gradient vanishes along time',
  looksFor,
  threshold:
    'a hundredth (risk: a tenth) over the whole sequence: what the first steps hold is then learned a hundred times slower than what the last ones hold. Each step multiplies the gradient by the recurrent weights and by the slope of the activation: by their spectral radius at most where the slope is 1, by less where it is not, so that over T steps √χ to the power of T is left (Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013). Optimizers that divide by the size of the gradient do not help here, since all steps share the weights',
  why: 'weights are shared over the steps, so that what is far back is drowned by what is near: the layer learns from the last steps alone',
  remedies: [remedies.identityRecurrence, remedies.gatedRecurrence, remedies.shorterSequences],
  check: (examination) =>
    coursesOf(examination).flatMap(({ use, ratio, steps }) => {
      if (!(ratio < 0.1)) return [];
      const ill = ratio < 1e-2;
      return [
        {
          layers: [use.layer.name],
          severity: ill ? ('ill' as const) : ('risk' as const),
          measured: { what: 'gradient RMS, first step of the sequence over last', value: ratio },
          expected: { from: ill ? 1e-2 : 0.1, why: 'all steps share the weights, and the largest gradients move them' },
          cause: `the gradient vanishes along time: ${ratio > 0 ? `${say(ratio)} times its size at the last of ${steps} steps` : `nothing of it`} reaches the first of ${use.layer.name}, a factor ${sayFactor(ratio, steps - 1)} for each step`,
        },
      ];
    }),
};

export const explodingAlongTime: Rule = {
  id: 'exploding-along-time',
  bearable: true,
  title: 'Gradient explodes along time',
  looksFor,
  threshold:
    'a thousand times (risk from thirty) over the whole sequence, or as many times as it has steps where those are more: the loss of each step may add to the gradient of those before. Clipping bears it (Pascanu, Mikolov and Bengio 2013): a network that clips by norm is at risk only',
  why: 'one row whose product of Jacobians is large throws the weights of all steps out',
  remedies: [remedies.clipGradients, remedies.identityRecurrence, remedies.gatedRecurrence, remedies.shorterSequences],
  check: (examination) =>
    coursesOf(examination).flatMap(({ use, ratio, steps }) => {
      const [risk, ill] = [Math.max(30, steps), Math.max(1e3, steps)];
      if (!(ratio > risk)) return [];
      const surely = ratio > ill && !clips(examination);
      return [
        {
          layers: [use.layer.name],
          severity: surely ? ('ill' as const) : ('risk' as const),
          measured: { what: 'gradient RMS, first step of the sequence over last', value: ratio },
          expected: { to: surely ? ill : risk, why: 'all steps share the weights, and the largest gradients move them' },
          cause: `the gradient explodes along time: ${say(ratio)} times its size at the last of ${steps} steps reaches the first of ${use.layer.name}, a factor ${sayFactor(ratio, steps - 1)} for each step`,
        },
      ];
    }),
};
