import { ShapeError, show } from '../core/errors.js';
import { type StaticShape, showShape } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import { reshape, transpose, type Windows } from '../graph/ops/index.js';
import { reachOf } from '../graph/ops/windows.js';
import type { OptionCheck } from './options.js';

/** What the layers over windows share: channels stand last outside, as in Keras, and second inside, where the engine's kernels want them. */

/** One number for all axes, or one for each. */
export type Sizes = number | readonly number[];

export type Padding = 'valid' | 'same' | 'causal';

const names = ['', 'steps', 'rows, columns'];

/** Checks sizes for `rank` axes. */
export function areSizes(rank: number, least = 1): OptionCheck {
  return (value) => {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    const fits = (list.length === rank || !Array.isArray(value)) && list.every((one) => Number.isInteger(one) && Number(one) >= least);
    const each = rank === 1 ? '' : ` or ${rank} of them, for ${names[rank]}`;
    return fits ? undefined : `must be a whole number ≥ ${least}${each}, got ${show(value)}`;
  };
}

/** One size for each axis. */
export function sizes(value: Sizes, rank: number): StaticShape {
  return typeof value === 'number' ? new Array<number>(rank).fill(value) : [...value];
}

/** Checks the name of a padding. */
export function isPadding(...allowed: readonly Padding[]): OptionCheck {
  return (value) =>
    allowed.includes(value as Padding) ? undefined : `must be ${allowed.map((name) => `'${name}'`).join(' or ')}, got ${show(value)}`;
}

/** [N, ...axes, channels], every length but the batch's known. @throws ShapeError if it is not. */
export function imageOf(x: Tensor | undefined, rank: number): { readonly x: Tensor; readonly lengths: StaticShape; readonly channels: number } {
  const [, ...shape] = x?.shape ?? [];
  if (!x || shape.length !== rank + 1 || !shape.every((dim) => typeof dim === 'number')) {
    const missing = shape.length === rank ? `. Is a reshape to [${shape.join(', ')}, 1] missing?` : '';
    throw new ShapeError(`expects an input of [N, ${names[rank]}, channels], got ${showShape(x?.shape ?? [])}${missing}`, {
      expected: `[N, ${names[rank]}, channels]`,
      received: x?.shape,
    });
  }
  return { x, lengths: shape.slice(0, -1) as number[], channels: shape[rank] as number };
}

/** [N, ...axes, channels] as [N, channels, ...axes]. */
export function channelsFirst(x: Tensor): Tensor {
  const axes = x.shape.slice(1, -1);
  if (x.shape.at(-1) === 1) return reshape(x, [x.shape[0] ?? -1, 1, ...axes]);
  return transpose(x, [0, x.rank - 1, ...axes.map((_, axis) => axis + 1)]);
}

/** The way back. */
export function channelsLast(x: Tensor): Tensor {
  const axes = x.shape.slice(2);
  if (x.shape[1] === 1) return reshape(x, [x.shape[0] ?? -1, ...axes, 1]);
  return transpose(x, [0, ...axes.map((_, axis) => axis + 2), 1]);
}

/** What a padding adds before and after: nothing, what gives ⌈length / stride⌉ windows, or all of it before. */
export function padded(padding: Padding, lengths: StaticShape, at: Windows): Windows {
  if (padding === 'valid') return at;
  const totals = lengths.map((length, axis) => {
    const [stride, reach] = [at.strides[axis] ?? 1, reachOf(at, axis)];
    return padding === 'causal' ? reach - 1 : Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach - length);
  });
  const before = totals.map((total) => (padding === 'causal' ? total : Math.floor(total / 2)));
  return { ...at, before, after: totals.map((total, axis) => total - (before[axis] ?? 0)) };
}

/** Refuses windows larger than what they look at. @throws ShapeError */
export function checkFit(what: string, lengths: StaticShape, at: Windows): void {
  const reaches = lengths.map((_, axis) => reachOf(at, axis));
  if (lengths.every((length, axis) => length + (at.before[axis] ?? 0) + (at.after[axis] ?? 0) >= (reaches[axis] ?? 1))) return;
  const dilated = at.dilations.some((dilation) => dilation > 1) ? ` (dilated by ${showShape(at.dilations)})` : '';
  throw new ShapeError(
    `a ${what} of ${showShape(reaches)}${dilated} does not fit into ${showShape(lengths)}, which leaves nothing. Earlier layers may have made the input too small: use padding: 'same', a smaller ${what}, or fewer strides and pools before it`,
    { received: lengths, expected: reaches },
  );
}
