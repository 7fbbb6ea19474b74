import type { Activation } from '../activations.js';
import { checkOptionNames, refuse } from '../core/expect.js';
import { accuracies } from '../metrics.js';
import { isClipped } from '../optimizers/optimizer.js';
import type { LayerFacts, NeighbourFacts, NetworkFacts, TargetFacts } from '../vitals/facts.js';
import type { EpochRecord, StepRecord, Trace, UnitStates } from '../vitals/trace.js';
import { isKernel, tableActivation } from './forecast/lookups.js';
import { suitsAt } from './forecast/phases.js';
import { Bends, type Forecast, forecastFacts } from './forecast.js';
import { errorIn, logOf, value } from './measured.js';
import { isStandardized } from './standardized.js';
import { behind, headUses, longest, usersOf } from './uses.js';

/** @throws ArgumentError if a trace is asked for, and something else given. */
export function checkTrace(owner: string, given: unknown): void {
  const { header, steps, passes, epochs }: Partial<Trace> = given ?? {};
  if ([header?.network?.layers, header?.watched, header?.arrays, steps, passes, epochs].every(Array.isArray)) return;
  const sources = 'get one from await model.examine(x, y), from history.trace of a fit with doctor.watch(), or from parseTrace';
  refuse(owner, 'trace', `a trace with a header, steps, passes and epochs (${sources})`, given);
}

/** One watched use of a layer. */
export interface WatchedUse {
  /** Its column in the trace's records. */
  readonly column: number;
  /** Its place in the network. */
  readonly at: number;
  readonly layer: LayerFacts;
  /** Undefined where it has none, or one that no table knows. */
  readonly activation: Activation | undefined;
  /** Whether no other use with weights comes behind it. */
  readonly head: boolean;
}

/** A trained kernel in the trace's records. */
export interface WatchedKernel {
  readonly column: number;
  readonly name: string;
  readonly layer: string;
}

/** A loss below this share of that of chance shows that rows are told apart; once the training is over more is to be expected, and above the last share it has suffered. */
export const LEARNED = 0.7;
export const LEARNED_IN_ALL = 0.45;
export const SUFFERED = 0.5;
/** By how much more of what neighbours reach than a network should reach shows that a training has suffered from nothing. */
const MASTERED = 0.04;
/** Part of the way from the most frequent class to all right from which on no network does much better. */
const SOLVED = 0.95;
/** Less of the way from chance to no error excuses nothing: of photographs neighbours know little. */
const WELL = 0.5;
/** Part of it below which a network has learned too little: less is asked of simple RNNs, of several in a row, and of normalized networks from so many hidden layers on. */
export const NEIGHBOURS = { most: 0.87, simpleRnn: 0.83, stacked: 0.78, deep: 0.78 } as const;
export const DEEP = 12;
/** Above this share of chance's loss what is added to a loss hides what is learned. */
const ADDED = 0.05;
/** Penalties that many times larger than what there is to learn leave too few of a float32's seven digits to the error. */
const DROWNED = 1e4;
/** Standard errors that a sample's figures are widened by. */
const SURE = 2;
/** Below this share a loss doubles by chance: that it was less before says nothing. */
const NEXT_TO_NOTHING = 0.1;

/** What earlier looks have found. */
interface Earlier {
  /** One at the same run, whose header, and so the forecast, is the same. */
  readonly run: Examination | undefined;
  /** Tables of activations, and functions of the user's own. */
  readonly bends: Bends;
}

/** A trace with what follows from its facts: what rules look at. */
export class Examination {
  readonly trace: Trace;
  #forecast: Forecast | undefined;
  readonly #run: Examination | undefined;
  readonly bends: Bends;
  readonly facts: NetworkFacts;
  readonly uses: readonly WatchedUse[];
  /** Uses that sum by weights and have another such use behind them, from the input on. */
  readonly hidden: readonly WatchedUse[];
  /** Trained kernels, in the order of the layers. */
  readonly kernels: readonly WatchedKernel[];

  /** Places of the uses that take each as an input. */
  readonly users: readonly (readonly number[])[];

  /** @param earlier what earlier looks have found; nothing unless given. @throws ArgumentError if these are something else. */
  constructor(trace: Trace, earlier: Partial<Earlier> = {}) {
    checkTrace('Examination', trace);
    checkOptionNames('Examination', earlier, ['run', 'bends']);
    const { network, watched, arrays } = trace.header;
    this.trace = trace;
    this.facts = network;
    this.users = usersOf(network);
    this.#run = earlier.run;
    this.bends = earlier.bends ?? new Bends();
    const heads = headUses(network);
    this.uses = watched.flatMap((at, column): WatchedUse[] => {
      const layer = network.layers[at];
      return layer ? [{ column, at, layer, activation: layer.activation && tableActivation(layer.activation), head: heads.has(at) }] : [];
    });
    this.hidden = this.uses.filter(({ layer, head }) => layer.role === 'weights' && !head);
    const wide = new Map<string, string>(
      network.layers.flatMap(({ layer, weights }) =>
        weights.flatMap(({ name, shape, trainable }) => (trainable && isKernel(name, shape) ? [[`${layer}/${name}`, layer] as const] : [])),
      ),
    );
    // Of several uses the first counts.
    const order = new Map(network.layers.map(({ layer }, at) => [layer, at] as const).reverse());
    this.kernels = arrays
      .flatMap((name, column) => {
        const layer = wide.get(name);
        return layer === undefined ? [] : [{ name, column, layer }];
      })
      .sort((a, b) => (order.get(a.layer) ?? 0) - (order.get(b.layer) ?? 0));
  }

  /** What theory says of the network as it was drawn. */
  get forecast(): Forecast {
    const { network, training, data } = this.trace.header;
    const batchSize = training?.batchSize;
    this.#forecast ??=
      this.#run?.forecast ??
      forecastFacts(network, { ...(data ? { inputs: data } : {}), ...(batchSize === undefined ? {} : { batchSize }) }, this.bends);
    return this.#forecast;
  }

  /** The initializer that suits what a use sums, by its place; undefined where nothing is known of it. */
  suits(at: number): string | undefined {
    return suitsAt(this.facts, this.users, at, this.bends);
  }

  get first(): StepRecord | undefined {
    return this.trace.steps[0];
  }

  get last(): StepRecord | undefined {
    return this.trace.steps.at(-1);
  }

  /** Whether only the network as it was drawn was looked at. */
  get untrained(): boolean {
    return (this.last?.step ?? 0) <= 1;
  }

  /** Loss of the best constant prediction, where it is known. */
  get constantLoss(): number | undefined {
    return this.#lossBy(({ chanceLoss }) => chanceLoss);
  }

  /** Loss of a network that gives nothing yet; undefined where it is not known. */
  get undecidedLoss(): number | undefined {
    return this.#lossBy(({ kind, chanceLoss, zeroLoss }) => zeroLoss ?? (kind === 'real' ? undefined : chanceLoss));
  }

  /** Whether all outputs are asked for classes. */
  get decides(): boolean {
    const targets = this.#targets;
    return targets.length > 0 && targets.every(({ kind }) => kind !== 'real');
  }

  /** What is known of the targets of each output. */
  get #targets(): readonly TargetFacts[] {
    return this.trace.header.training?.targets ?? [];
  }

  /** The losses of all outputs together; undefined where one is not known. */
  #lossBy(lossOf: (target: TargetFacts) => number | undefined): number | undefined {
    const targets = this.#targets;
    const losses = targets.flatMap((target) => lossOf(target) ?? []);
    return losses.length === targets.length && losses.length > 0 ? losses.reduce((a, b) => a + b, 0) : undefined;
  }

  /** What is left in a loss that could be learned: not what targets leave that are shares, or smoothed. */
  left(loss: number): number {
    return this.#targets.reduce((rest, { leastLoss = 0 }) => rest - leastLoss, loss);
  }

  /** How large a loss is: from its least value on where that is below 0, and from 0 where it is not known. */
  sizeOf(loss: number): number {
    return this.constantLoss === undefined ? Math.abs(loss) : Math.max(loss, this.left(loss));
  }

  /** What there is to learn: what is left in the loss of chance, or where that is not known in the first one. */
  get learnable(): number | undefined {
    const start = this.constantLoss ?? this.firstLoss;
    return start === undefined ? undefined : this.left(start);
  }

  /** The loss of chance, to compare the losses of epochs with; undefined where much is added to those that is not known. */
  get chanceLoss(): number | undefined {
    return this.#hidden ? undefined : this.constantLoss;
  }

  /** A share of some loss as that of a squared error: what grows as errors do is small later. */
  squared(share: number): number {
    return this.#linear ? share * Math.abs(share) : share;
  }

  get #linear(): boolean {
    return this.#targets.some(({ grows }) => grows);
  }

  /**
   * What the last epoch leaves of what chance leaves to learn, or may leave, where that is known of a sample alone, as a share of squared errors;
   * undefined where it is not known, or 0.
   */
  get partOfChance(): number | undefined {
    const [last, chance] = [this.losses.at(-1), this.chanceLoss];
    if (last === undefined || chance === undefined || !(this.left(chance) > 0)) return undefined;
    return this.squared(this.left(last) / this.#targets.reduce((most, { chanceError = 0 }) => most + SURE * chanceError, this.left(chance)));
  }

  /** Whether something is added to the loss that every epoch tells, so that it was taken from `losses`: those of older traces, and one that is not over, do not. */
  get bare(): boolean {
    const { epochs } = this.trace;
    const most = DROWNED * (this.learnable ?? Number.NaN);
    const isTold = ({ penalties }: EpochRecord): boolean =>
      penalties !== undefined && !Object.values(penalties).some((one) => !((value(one) ?? 0) < most));
    return epochs.length > 0 && epochs.every(isTold);
  }

  /** Whether what is added to the loss hides what is learned. */
  get #hidden(): boolean {
    return !this.bare && (value(this.first?.penalty) ?? 0) > ADDED * (this.learnable ?? 0);
  }

  /** A log of the epochs so far, without what is added to it where that is known. */
  course(name: string): number[] {
    const { bare } = this;
    return this.trace.epochs.flatMap((epoch) => logOf(epoch, name, bare) ?? []);
  }

  /** The step with which the last epoch ended: what rules that read epochs saw, they saw there. */
  get lastEpoch(): { readonly step?: number } {
    const { step } = this.trace.epochs.at(-1) ?? {};
    return step === undefined ? {} : { step };
  }

  /** What neighbours are compared with: their log after the last epoch. */
  get reached(): number | undefined {
    const last = this.trace.epochs.at(-1);
    return last && this.neighbours && logOf(last, this.neighbours.log, this.bare);
  }

  /** What neighbours come to on the validation rows, where that is known. */
  get neighbours(): NeighbourFacts | undefined {
    return this.trace.header.training?.neighbours;
  }

  /** How far beyond chance the validation rows are after the last epoch, as a part of how far neighbours would be; undefined where that is not known. */
  get partOfNeighbours(): number | undefined {
    const { neighbours, reached } = this;
    return neighbours && reached !== undefined
      ? this.#beyondChance(reached, neighbours) / this.#beyondChance(neighbours.value, neighbours)
      : undefined;
  }

  /** The part of what neighbours reach that a network should reach. */
  get leastOfNeighbours(): number {
    const walking = this.facts.layers.filter(({ kind }) => kind === 'simpleRnn').length;
    if (walking > 0) return walking > 1 ? NEIGHBOURS.stacked : NEIGHBOURS.simpleRnn;
    return this.isDeep ? NEIGHBOURS.deep : NEIGHBOURS.most;
  }

  /** The most hidden layers on one way through the network. */
  get depth(): number {
    const places = new Set(this.hidden.map(({ at }) => at));
    return longest(this.facts, (at) => places.has(at));
  }

  /** Whether hidden layers in a row are many, and all are normalized. */
  get isDeep(): boolean {
    return this.depth >= DEEP && this.hidden.every(({ at }) => this.normalizedBehind(at));
  }

  /** What neighbours reach, from 0 at chance to 1 without error; undefined where that is not known. */
  get neighbourScore(): number | undefined {
    const { neighbours } = this;
    return neighbours && this.#beyondChance(neighbours.value, neighbours);
  }

  /** How much of the way from chance to no error some log is. */
  #beyondChance(log: number, { log: name, chance, perfect }: NeighbourFacts): number {
    const left = (log - perfect) / (chance - perfect);
    return 1 - (name === 'val_loss' ? this.squared(left) : left);
  }

  /** Whether a whole training does on other rows what it should, and so much more of what neighbours reach, by which that is measured; and those know enough to tell. */
  suffices(more = 0): boolean {
    const [part = 0, known = 0] = [this.partOfNeighbours, this.neighbourScore];
    return this.over && this.trace.failure === undefined && part >= this.leastOfNeighbours + more && part * known >= WELL;
  }

  /** Whether it does about as well as they do, or next to no class is told wrongly, so that it has suffered from nothing. */
  get masters(): boolean {
    return this.#solves || this.suffices(MASTERED);
  }

  /** Whether a whole training ends with an accuracy, of validation rows where there are some, that leaves little between it and 1. */
  get #solves(): boolean {
    const [{ shares } = {}, ...others] = this.#targets;
    if (!shares || others.length > 0 || !this.over || this.trace.failure !== undefined) return false;
    const reached = ['val_', ''].flatMap((rows) => accuracies.flatMap((name) => this.course(rows + name).at(-1) ?? []))[0];
    return reached !== undefined && (reached - shares.largest) / (1 - shares.largest) >= SOLVED;
  }

  /** Whether all epochs that were asked for are done. */
  get over(): boolean {
    const { epochs, header, end } = this.trace;
    const asked = header.training?.epochs;
    return asked === undefined ? end !== undefined : (epochs.at(-1)?.epoch ?? -1) + 1 >= asked;
  }

  /** Whether the network was seen to learn: the mean loss of the last epoch is well below that of chance, or of the first step, and still the least or next to nothing. */
  get learns(): boolean {
    const [last, start] = [this.#hidden ? this.lastLoss : this.losses.at(-1), this.learnable];
    const enough = this.over ? LEARNED_IN_ALL : LEARNED;
    if (last === undefined || start === undefined || this.trace.failure !== undefined) return false;
    // A penalty may take back some of what was learned: what is made less is both together.
    const { minimized } = this;
    const [left, least] = [this.left(last), Math.min(...minimized)];
    const isBelow = (share: number): boolean => left < (this.#linear ? Math.sqrt(share) : share) * start;
    return isBelow(enough) && ((minimized.at(-1) ?? last) <= least + 0.05 * this.sizeOf(least) || isBelow(NEXT_TO_NOTHING));
  }

  /** Whether a whole training has learned next to nothing: most of chance's loss is left, and neighbours do not show that there is no more to know. */
  get suffers(): boolean {
    const [part, known] = [this.partOfChance, this.partOfNeighbours];
    return this.over && part !== undefined && part > SUFFERED && !(known !== undefined && known >= this.leastOfNeighbours);
  }

  /** Mean losses of the epochs so far, without what is added to them where that is known. */
  get losses(): number[] {
    return this.course('loss');
  }

  /** The same with what is added: what steps make less. */
  get minimized(): number[] {
    return this.trace.epochs.flatMap((epoch) => logOf(epoch, 'loss', false) ?? []);
  }

  /** The loss of the first step, without what is added to it. */
  get firstLoss(): number | undefined {
    return errorIn(this.first);
  }

  /** The same of the last observed step. */
  get lastLoss(): number | undefined {
    return errorIn(this.last);
  }

  /** What became of a use's units in the last whole pass. */
  units(use: WatchedUse): UnitStates | undefined {
    return this.trace.passes.at(-1)?.units[use.column] ?? undefined;
  }

  /** Uses whose activation bends, hidden ones. */
  get bending(): WatchedUse[] {
    return this.uses.filter(({ layer, head, activation }) => !head && activation !== undefined && activation.name !== 'linear' && layer.activation);
  }

  /** The optimizer divides gradients by their own size, so that small ones move weights as far as large ones. */
  get adaptive(): boolean {
    const name = this.trace.header.training?.optimizer.name ?? 'sgd';
    return name !== 'sgd';
  }

  /** Each step follows the gradient of its own minibatch alone, whatever those before it did. */
  get forgetful(): boolean {
    return !this.adaptive && !this.trace.header.training?.optimizer.config.momentum;
  }

  /** How many times further the first step goes than those that follow: RMSprop's divides by a part of the gradient's size, since the mean of squares begins from 0. */
  get leap(): number {
    const { name, config } = this.trace.header.training?.optimizer ?? {};
    return name === 'rmsprop' ? 1 / Math.sqrt(1 - Number(config?.rho ?? 0.9)) : 1;
  }

  /** Gradients are clipped in some way before they move weights. */
  get clipped(): boolean {
    return isClipped(this.trace.header.training?.optimizer.config ?? {});
  }

  /** Whether what a use gives goes to a normalization, straight or through noise. */
  normalizedBehind(use: number): boolean {
    for (const { layer } of behind(this.facts, this.users, use)) {
      if (layer.role === 'normalization') return true;
      if (layer.role !== 'noise') return false;
    }
    return false;
  }

  /** Whether what comes from an input is scaled before the first layer with weights, on all ways; what is looked up is no size that could be. */
  standardized(input: number): boolean {
    return isStandardized(this.facts, this.users, input);
  }
}
