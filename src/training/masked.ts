import type { Tensor } from '../graph/node.js';
import { cast, div, max, mul, reduceMean, reduceSum, reshape, unsqueeze } from '../graph/ops/index.js';
import type { Loss } from '../losses.js';

/** Target and output of what is judged by itself: rows, or the steps of all rows where a mask says which of them count. */
export interface Entries {
  readonly target: Tensor;
  readonly output: Tensor;
  /** 1 for every step [N, time] that counts and 0 for the others; undefined where rows are judged. */
  readonly counts: Tensor | undefined;
}

/** What of an output [N, time, …] and its target is judged by itself. A mask of other steps than theirs says nothing. */
export function entriesOf(target: Tensor, output: Tensor, mask: Tensor | undefined): Entries {
  const steps = mask?.shape[1];
  if (!mask || output.rank < 3 || output.shape[1] !== steps || target.shape[1] !== steps) return { target, output, counts: undefined };
  const flat = (x: Tensor): Tensor => reshape(x, [-1, ...(x.shape.slice(2) as number[])]);
  return { target: flat(target), output: flat(output), counts: cast(mask, output.dtype) };
}

/** How much each entry counts: its row's weight, 0 where a mask leaves it out; undefined where all count alike. */
export function shareOf({ counts, output }: Entries, weight: Tensor | undefined): Tensor | undefined {
  const rows = weight && cast(weight, output.dtype);
  if (!counts) return rows;
  return reshape(rows ? mul(counts, unsqueeze(rows, [1])) : counts, [-1]);
}

/** The mean loss over a batch: over its rows, or over the steps that count; weights multiply. */
export function meanLoss(loss: Loss, entries: Entries, weight: Tensor | undefined): Tensor {
  const values = loss.perSample(entries.target, entries.output);
  const share = shareOf(entries, weight);
  const weighted = share ? mul(values, share) : values;
  // A batch in which no step counts has the loss 0.
  return entries.counts ? div(reduceSum(weighted), max(reduceSum(entries.counts), 1)) : reduceMean(weighted);
}
