import { ArgumentError, ShapeError } from '../../core/errors.js';
import { refuse } from '../../core/expect.js';
import { sameShape, showShape } from '../../core/shape.js';
import { applyOne, type OpRecord, Tensor } from '../node.js';
import { expandLike, movementRecords } from './movement.js';

const { Identity } = movementRecords;

const Held: OpRecord = { ...Identity, gradient: () => [] };

/** The same value, through which no gradient flows. */
export function stopGradient(x: Tensor): Tensor {
  return applyOne(Held, [x]);
}

/** Gradients of tensors, in their order, from that of a value which is a function of them. */
export type OwnGradient = (dy: Tensor) => readonly Tensor[];

/**
 * The same value with a gradient of its own: for a function whose gradient takes fewer operators than the chain rule over its own, or should be another one.
 * `rule` gives the gradients of the tensors `of`, each of its tensor's shape; through no others do gradients flow on. Of the forward pass the rule may use
 * what the value is made of; all else it makes itself.
 * @throws ArgumentError if what is given are no tensors and no function; GradientError, once gradients are asked for, if the rule gives others than it should.
 */
export function withGradient(value: Tensor, of: readonly Tensor[], rule: OwnGradient): Tensor {
  if (!Array.isArray(of) || !of.every((one) => one instanceof Tensor)) refuse('withGradient', 'of', 'a list of tensors, such as [x]', of);
  if (typeof rule !== 'function') refuse('withGradient', 'rule', 'a function of the gradient of the value', rule);
  const gradient: OpRecord['gradient'] = ({ dy }) => {
    const made: unknown = rule(expandLike(dy, value));
    if (!Array.isArray(made) || made.length !== of.length || !made.every((one) => one instanceof Tensor)) {
      throw new ArgumentError(`the rule of withGradient must return a list of ${of.length} tensors, one for each of those it was given`, {
        argument: 'rule',
        received: made,
      });
    }
    (made as readonly Tensor[]).forEach(({ shape }, i) => {
      const { shape: expected } = of[i] as Tensor;
      if (sameShape(shape, expected)) return;
      throw new ShapeError(`the rule of withGradient gives ${showShape(shape)} as the gradient of a tensor ${showShape(expected)}`, {
        argument: 'rule',
        received: shape,
        expected,
      });
    });
    return [undefined, ...(made as readonly Tensor[])];
  };
  return applyOne({ ...Identity, gradient }, [value, ...of]);
}
