import { ArgumentError } from '../core/errors.js';
import { gradients } from './gradients.js';
import { input, isInput, type Node, type Tensor, topological } from './node.js';

/** Writes every node's value into `slots`. */
type Program = (slots: Float64Array) => void;

interface Compiled {
  readonly slotOf: ReadonlyMap<Tensor, number>;
  readonly size: number;
  readonly run: Program;
}

function refuse(node: Node): ArgumentError {
  const place = node.label ? ` in ${node.label}` : '';
  return new ArgumentError(
    `${node.record.name}${place} is not elementwise, so it cannot be evaluated at a single number; use elementwise operators only`,
    {
      received: node.record.name,
    },
  );
}

function compile(outputs: readonly Tensor[]): Compiled {
  const slotOf = new Map<Tensor, number>();
  const constants: [slot: number, value: number][] = [];
  const steps: Program[] = [];
  for (const node of topological(outputs)) {
    const [output] = node.outputs;
    if (!output) continue;
    const slot = slotOf.size;
    slotOf.set(output, slot);
    if (isInput(output)) continue;
    const { value, attributes } = node;
    if (value) {
      if (value.size !== 1) {
        throw new ArgumentError(`an elementwise expression of one number cannot contain a constant of ${value.size} elements`, {
          received: value.shape,
        });
      }
      constants.push([slot, value.at(0)]);
      continue;
    }
    const { evaluate } = node.record;
    if (!evaluate) throw refuse(node);
    const from = node.inputs.map((tensor) => slotOf.get(tensor) ?? 0);
    // One list for all calls: quadratures call some thousands of times for each number that they give.
    const given = from.map(() => Number.NaN);
    steps.push((slots) => {
      for (let i = 0; i < from.length; i++) given[i] = slots[from[i] as number] as number;
      slots[slot] = evaluate(given, attributes);
    });
  }
  const run: Program = (slots) => {
    for (const [slot, value] of constants) slots[slot] = value;
    for (const step of steps) step(slots);
  };
  return { slotOf, size: slotOf.size, run };
}

/**
 * An elementwise expression for one element, in float64 and without an engine: every operator by its record's own function.
 * @param values the inputs' values.
 * @throws ArgumentError if an operator is not elementwise, a constant has several elements or an input has no value.
 */
export function evaluateScalar(output: Tensor, values: ReadonlyMap<Tensor, number>): number {
  const { slotOf, size, run } = compile([output]);
  const slots = new Float64Array(size);
  for (const [tensor, slot] of slotOf) {
    if (!isInput(tensor)) continue;
    const value = values.get(tensor);
    if (value === undefined) throw new ArgumentError(`the expression needs a value for '${tensor.name}'`, { expected: tensor.name });
    slots[slot] = value;
  }
  run(slots);
  return slots[slotOf.get(output) ?? 0] ?? Number.NaN;
}

/** A function of one number, with its derivative. */
export interface ScalarFunction {
  value(x: number): number;
  slope(x: number): number;
}

/**
 * The function that an elementwise expression computes, and its derivative by the operators' gradient rules; both in float64.
 * @throws ArgumentError if an operator is not elementwise, GradientError if one has no gradient.
 */
export function scalarFunction(expression: (x: Tensor) => Tensor): ScalarFunction {
  const x = input('x', [], 'float64');
  const y = expression(x);
  const forward = functionOf(x, y);
  let backward: ((at: number) => number) | undefined;
  return {
    value: forward,
    slope: (at) => {
      backward ??= functionOf(x, gradients(y, [x])[0] as Tensor);
      return backward(at);
    },
  };
}

function functionOf(x: Tensor, y: Tensor): (at: number) => number {
  const { slotOf, size, run } = compile([x, y]);
  const [from, to] = [slotOf.get(x) ?? 0, slotOf.get(y) ?? 0];
  const slots = new Float64Array(size);
  for (const tensor of slotOf.keys()) {
    if (isInput(tensor) && tensor !== x)
      throw new ArgumentError(`a function of one number must not use another input, '${tensor.name}'`, { received: tensor.name });
  }
  return (at) => {
    slots[from] = at;
    run(slots);
    return slots[to] ?? Number.NaN;
  };
}
