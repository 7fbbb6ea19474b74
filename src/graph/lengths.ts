import type { Dim } from '../core/shape.js';
import { type Body, bodiesOf, isInput, type Node, scalar, type Tensor } from './node.js';
import { mul } from './ops/arithmetic.js';
import { carriedCount } from './ops/control.js';
import { dimOf, factorsOf, movementRecords, reshape, shapeRange } from './ops/movement.js';
import { bodiesNeeded } from './place.js';

/** Lengths that only the data tell: where they are asked for, and what their names vouch for. */

const { Shape, Size } = movementRecords;

/** The lengths that a `Shape` tells, or that a `Size` multiplies. */
function lengthsAsked({ record, inputs: [source], attributes }: Node): readonly Dim[] | undefined {
  if (record !== Shape && record !== Size) return undefined;
  return source && (record === Shape ? shapeRange(source, attributes) : source.shape);
}

/** Loops may stack different numbers of values along axes of one name. */
export function stackedNames(nodes: readonly Node[]): Set<Dim | undefined> {
  const loops = nodes.filter(({ record }) => record.name === 'Loop');
  return new Set(loops.flatMap((node) => node.outputs.slice(carriedCount(node)).map(({ shape }) => shape[0])));
}

/** One `Shape`, or `Size`, serves all tensors whose lengths have the same names, in the same body: hundreds of layers ask for the batch size. */
export function lengthKeys(nodes: readonly Node[], stacked: ReadonlySet<Dim | undefined>): (node: Node) => string | undefined {
  if (!nodes.some(({ record }) => record === Shape || record === Size)) return () => undefined;
  const needs = bodiesNeeded(nodes);
  const ordinals = new Map<Body, number>();
  const ordinal = (body: Body): number => ordinals.get(body) ?? ordinals.set(body, ordinals.size).size - 1;
  return (node) => {
    const lengths = lengthsAsked(node);
    if (!lengths || lengths.some((dim) => stacked.has(dim))) return undefined;
    return `${node.record.name} of ${node.record === Size ? [...lengths].sort() : lengths}|${[...(needs.get(node) ?? [])].map(ordinal).sort()}`;
  };
}

/**
 * A length, or a number of elements, asked inside of a loop that inputs of the whole graph tell too is asked there, and what follows from it alone leaves
 * the loop.
 */
export function givenLengths(nodes: readonly Node[], stacked: ReadonlySet<Dim | undefined>): (node: Node) => Tensor | undefined {
  const inner = new Set(nodes.flatMap((node) => bodiesOf(node).flatMap(({ parameters }) => parameters)));
  const places = new Map<Dim, { readonly source: Tensor; readonly axis: number }>();
  for (const { outputs } of nodes) {
    const [source] = outputs;
    if (!source || !isInput(source) || inner.has(source)) continue;
    source.shape.forEach((dim, axis) => {
      if (typeof dim === 'string' && !stacked.has(dim) && !places.has(dim)) places.set(dim, { source, axis });
    });
  }
  const asked = new Map<Dim, Tensor>();
  const ask = (dim: Dim): Tensor | undefined => {
    const place = places.get(dim);
    const known = asked.get(dim) ?? (place && dimOf(place.source, place.axis));
    if (known) asked.set(dim, known);
    return known;
  };
  return (node) => {
    const lengths = lengthsAsked(node);
    if (!lengths) return undefined;
    if (node.record === Shape) return lengths.length === 1 ? ask(lengths[0] as Dim) : undefined;
    const { known, names } = factorsOf(lengths);
    return names.map(ask).reduce<Tensor | undefined>((size, length) => length && size && mul(size, reshape(length, [])), scalar(known, 'int64'));
  };
}

/**
 * Whether a length is one wherever it stands in a graph: a number, or a product of numbers and of lengths that inputs of the graph have.
 * @param inputs those of the whole graph.
 */
export function sureLengths(inputs: readonly Tensor[], nodes: readonly Node[]): (dim: Dim) => boolean {
  const stacked = stackedNames(nodes);
  const sure = new Set(inputs.flatMap(({ shape }) => shape).filter((dim) => !stacked.has(dim)));
  const known = new Map<Dim, boolean>();
  return (dim) => {
    const found = known.get(dim) ?? factorsOf([dim]).names.every((name) => sure.has(name));
    known.set(dim, found);
    return found;
  };
}
