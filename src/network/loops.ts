import { NdArray } from '../core/ndarray.js';
import { constant, label, type Tap, type Tensor } from '../graph/node.js';
import { concat, reduceSum, reshape, scan, split, stackedIn } from '../graph/ops/index.js';
import type { CallEnvironment, LayerCall, Signal } from './layer.js';
import { callsAt, type Run, rowName } from './runs.js';
import type { LoopedSums, SignalTap } from './taps.js';

/** Random numbers of one call: uniform in [0, 1), in the shape of a tensor; `path` says which call and which use. In a loop: the paths of all its steps, and which it is. */
export type UniformSource = (like: Tensor, path: string | LoopedPath) => Tensor;

export interface LoopedPath {
  readonly paths: readonly string[];
  /** An int64 scalar. */
  readonly at: Tensor;
}

/** What a call's graph takes and leaves. */
export type CallSurroundings = Required<Pick<CallEnvironment, 'weight' | 'update' | 'addLoss' | 'uniform'>>;

/** Writes a call's graph. @returns what it gives, and what its activation received. */
export type WriteCall = (
  call: LayerCall,
  given: readonly Tensor[],
  surroundings: CallSurroundings,
) => { readonly outputs: readonly Tensor[]; readonly sums: Tensor | undefined; readonly looped: readonly LoopedSums[] };

/** Whether the arrays of a run are there one upon the other, so that it can be written as a loop. */
export function isStacked(run: Run, values: ReadonlyMap<string, Tensor>): boolean {
  const names = stacks(run).map(({ name }) => name);
  return names.length > 0 && names.every((name) => values.has(name));
}

/** The stacked arrays of a run: what the layer at a place of a block calls each, and its name. */
function stacks(run: Run): { readonly place: number; readonly weight: string; readonly name: string }[] {
  return (run.blocks[0] ?? []).flatMap(({ layer }, place) =>
    [...layer.weights.keys()].map((weight) => ({ place, weight, name: `${rowName(run, place)}/${weight}` })),
  );
}

export interface RunParts {
  /** Tensors of what was computed before. */
  readonly known: ReadonlyMap<Signal, Tensor>;
  readonly values: ReadonlyMap<string, Tensor>;
  readonly write: WriteCall;
  readonly uniform: UniformSource;
  /** Whether what activations receive is wanted. */
  readonly observe: boolean;
  /** Whether runs that ask for it compute their insides again in the backward pass. */
  readonly remat: boolean;
}

export interface WrittenRun {
  readonly output: Tensor;
  readonly taps: readonly SignalTap[];
  readonly updates: ReadonlyMap<string, Tensor>;
  readonly penalties: readonly Tensor[];
}

/** A row of equal blocks as one `Scan` over their stacked weights; with `remat` as a `Scan` of shorter ones, of which the backward pass keeps the inputs alone. */
export function writeRun(run: Run, { known, values, write, uniform, observe, remat }: RunParts): WrittenRun {
  const [head = []] = run.blocks;
  const arrays = stacks(run);
  // Random numbers differ from block to block.
  const numbered = head.some(({ layer }) => layer.hasSideEffects);
  const numbers = constant(
    new NdArray(
      BigInt64Array.from(run.blocks, (_, i) => BigInt(i)),
      [run.blocks.length],
    ),
  );
  const seen: { readonly place: number; readonly tap: Tap; readonly given: Tensor }[] = [];
  const updates: { readonly name: string; readonly next: Tensor }[] = [];
  const penalties: Tensor[] = [];

  const block = (entry: Tensor, items: readonly Tensor[]): { state: Tensor[]; outputs: Tensor[]; taps: Tap[] } => {
    const at = items[arrays.length] as Tensor;
    const inside = new Map<Signal, Tensor>([[run.entry, entry]]);
    for (const list of [seen, updates, penalties]) list.length = 0;
    head.forEach((call, place) => {
      const given = call.inputs.map((signal) => (inside.get(signal) ?? known.get(signal)) as Tensor);
      const { outputs, sums } = write(call, given, {
        weight: (_, name) => items[arrays.findIndex((array) => array.place === place && array.weight === name)] as Tensor,
        update: (_, name, next) => {
          label([next], rowName(run, place));
          updates.push({ name: `${rowName(run, place)}/${name}`, next });
        },
        addLoss: (penalty) => penalties.push(penalty),
        uniform: (like, use) => uniform(like, { paths: callsAt(run, place).map(({ layer }) => `${layer.title}/0/${use}`), at }),
      });
      call.outputs.forEach((signal, i) => {
        inside.set(signal, outputs[i] as Tensor);
      });
      if (observe && sums) seen.push({ place, tap: { tensor: sums }, given: outputs[0] as Tensor });
    });
    return {
      state: [inside.get(head[run.exit]?.output as Signal) as Tensor],
      outputs: [...seen.map(({ tap }) => tap.tensor), ...updates.map(({ next }) => next), ...penalties],
      taps: seen.map(({ tap }) => tap),
    };
  };

  const sequences = [...arrays.map(({ name }) => values.get(name) as Tensor), ...(numbered ? [numbers] : [])];
  const entry = known.get(run.entry) as Tensor;
  const { output, outputs } = remat && run.remat ? inParts(entry, sequences, block) : inOne(entry, sequences, block);
  label([output], rowName(run, run.exit));
  const [first, second] = [seen.length, seen.length + updates.length];
  return {
    output,
    taps: seen.map(({ place, tap, given }, i) => ({
      calls: callsAt(run, place),
      z: outputs[i] as Tensor,
      // What the backward pass keeps need not be computed again to be looked at.
      get h() {
        return output.node.record.name === 'Scan' ? stackedIn(output.node, given) : undefined;
      },
      gradient: () => tap.gradient,
    })),
    updates: new Map(updates.map(({ name }, i) => [name, outputs[first + i] as Tensor])),
    penalties: outputs.slice(second).map((stacked) => reduceSum(stacked)),
  };
}

type Block = (entry: Tensor, items: readonly Tensor[]) => { state: Tensor[]; outputs: Tensor[]; taps: Tap[] };

function inOne(entry: Tensor, sequences: readonly Tensor[], block: Block): { output: Tensor; outputs: Tensor[] } {
  const { state, outputs } = scan({ state: [entry], sequences, step: ([x], items) => block(x as Tensor, items) });
  return { output: state[0] as Tensor, outputs };
}

/** Parts of about the square root of the blocks' number each, and those that are left over. */
function inParts(entry: Tensor, sequences: readonly Tensor[], block: Block): { output: Tensor; outputs: Tensor[] } {
  const count = sequences[0]?.shape[0] as number;
  const length = partLength(count);
  const parts = Math.floor(count / length);
  const left = count - parts * length;
  const cut = sequences.map((tensor) => (left === 0 ? [tensor] : split(tensor, { axis: 0, lengths: [count - left, left] })));
  const { state, outputs } = scan({
    state: [entry],
    sequences: cut.map(([tensor]) => reshape(tensor as Tensor, [parts, length, ...((tensor as Tensor).shape.slice(1) as number[])])),
    recompute: true,
    step: ([x], items) => {
      const part = inOne(x as Tensor, items, block);
      return { state: [part.output], outputs: part.outputs };
    },
  });
  const whole = outputs.map((tensor) => reshape(tensor, [parts * length, ...(tensor.shape.slice(2) as number[])]));
  if (left === 0) return { output: state[0] as Tensor, outputs: whole };
  const rest = inOne(
    state[0] as Tensor,
    cut.map(([, tensor]) => tensor as Tensor),
    block,
  );
  return { output: rest.output, outputs: whole.map((tensor, i) => concat([tensor, rest.outputs[i] as Tensor], 0)) };
}

/** The divisor nearest to the square root, where one is near; else the root. */
function partLength(count: number): number {
  const root = Math.sqrt(count);
  const divisors = Array.from({ length: Math.floor(4 * root) }, (_, i) => i + 1).filter((length) => count % length === 0 && length >= root / 4);
  const nearness = (length: number): number => Math.abs(Math.log(length / root));
  return divisors.sort((a, b) => nearness(a) - nearness(b))[0] ?? Math.round(root);
}
