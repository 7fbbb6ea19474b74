import { type DType, dtypes } from '../core/dtype.js';
import { refuse } from '../core/expect.js';
import { NdArray } from '../core/ndarray.js';
import { type Shape, type StaticShape, sizeOf } from '../core/shape.js';

/** A symbolic value of a graph: it stands for the numbers computed when the graph runs. */
export class Tensor {
  readonly node: Node;
  /** Which of the node's outputs this is. */
  readonly index: number;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Name wished for in emitted files; made unique there. */
  name?: string;

  constructor(node: Node, index: number, dtype: DType, shape: Shape) {
    this.node = node;
    this.index = index;
    this.dtype = dtype;
    this.shape = shape;
  }

  get rank(): number {
    return this.shape.length;
  }
}

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

export type AttributeValue = number | string | readonly number[];
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** What a gradient rule sees: the node's tensors and the gradients that reach its outputs. */
export interface GradientContext {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attributes: Attributes;
  /** Gradient of the first output. */
  readonly dy: Tensor;
  /** Gradient of every output; undefined where the loss does not depend on it. */
  readonly dys: readonly (Tensor | undefined)[];
  readonly node: Node;
  /** Whether the gradient of input `index` is wanted at all; tensors that the node's bodies capture count on after the inputs. */
  wanted(index: number): boolean;
}

/** Gradients of a node's inputs, in order; undefined stands for zero. */
export type GradientRule = (context: GradientContext) => readonly (Tensor | undefined)[];

/** Says why an operator has no gradient. */
export interface NotDifferentiable {
  readonly notDifferentiable: string;
}

export function notDifferentiable(why: string): NotDifferentiable {
  return { notDifferentiable: why };
}

/** All that is known of one ONNX operator. */
export interface OpRecord {
  /** ONNX operator name. */
  readonly name: string;
  /** Kinds of its attributes, as ONNX types them. */
  readonly attributes?: Readonly<Record<string, 'int' | 'float' | 'ints' | 'string'>>;
  /** Types of the outputs. @throws ShapeError if the inputs do not fit. */
  infer(inputs: readonly Tensor[], attributes: Attributes): readonly TensorType[];
  readonly gradient: GradientRule | NotDifferentiable;
  /** Elementwise operators: one element in float64. */
  readonly evaluate?: (values: readonly number[], attributes: Attributes) => number;
  /** The same function of other operators, where an engine has no exact float64 kernel of this one; undefined where it has. */
  readonly compose64?: (inputs: readonly Tensor[], attributes: Attributes) => Tensor | undefined;
}

/** A subgraph: what a `Scan`, `Loop` or `If` runs. Tensors of the outer graph are used in it freely. */
export interface Body {
  readonly parameters: readonly Tensor[];
  /** Grows when a gradient needs a value of the forward pass kept. */
  readonly results: Tensor[];
  /** Nodes that belong to the body alone though they depend on no parameter of it: those of an `If` branch. */
  readonly interior?: ReadonlySet<Node>;
  /** Inner values of a scan whose gradients are wanted outside of it. */
  readonly taps?: readonly Tap[];
  /** Whether the backward pass of a scan computes its inner values again instead of keeping them. */
  readonly recompute?: boolean;
}

/** A value inside of a scan's body; the backward pass notes its gradient, stacked along the steps, where there is one. */
export interface Tap {
  readonly tensor: Tensor;
  gradient?: Tensor;
}

/** One operator in a graph. Nodes are never changed once made, but for labels and the results a gradient keeps. */
export interface Node {
  /** Later nodes have larger ids, so that ids order every graph topologically. */
  readonly id: number;
  readonly record: OpRecord;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
  readonly outputs: Tensor[];
  readonly bodies: Readonly<Record<string, Body>>;
  /** Value of a constant. */
  readonly value?: NdArray;
  /** Where the node comes from: `dense_1`, or `dense_1/gradient`. */
  label?: string;
}

const placeholder: OpRecord = { name: 'Input', infer: () => [], gradient: notDifferentiable('an input ends the backward pass') };
const constantRecord: OpRecord = { name: 'Constant', infer: () => [], gradient: notDifferentiable('a constant does not change') };

let made = 0;

/** The bodies of all nodes that have none: hundreds of thousands of looks at them cost nothing. */
const none: Readonly<Record<string, Body>> = {};
const noBodies: readonly Body[] = [];

export const bodiesOf = ({ bodies }: Node): readonly Body[] => (bodies === none ? noBodies : Object.values(bodies));

export const hasBodies = ({ bodies }: Node): boolean => bodies !== none;

/** The id that the next node will have: nodes made later have this id or a larger one. */
export function nextId(): number {
  return made;
}

export function makeNode(
  record: OpRecord,
  inputs: readonly Tensor[],
  attributes: Attributes,
  types: readonly TensorType[],
  extra: { bodies?: Readonly<Record<string, Body>>; value?: NdArray } = {},
): Node {
  const outputs: Tensor[] = [];
  const node: Node = {
    id: made++,
    record,
    inputs,
    attributes,
    outputs,
    bodies: extra.bodies ?? none,
    ...(extra.value ? { value: extra.value } : {}),
  };
  types.forEach((type, index) => {
    outputs.push(new Tensor(node, index, type.dtype, type.shape));
  });
  return node;
}

/** Adds an output to a node whose body was given another result. */
export function addOutput(node: Node, type: TensorType): Tensor {
  const tensor = new Tensor(node, node.outputs.length, type.dtype, type.shape);
  node.outputs.push(tensor);
  return tensor;
}

/** Applies an operator; its output types come from the record. @throws ArgumentError if an input is no tensor. */
export function apply(record: OpRecord, inputs: readonly Tensor[], attributes: Attributes = {}): Node {
  for (const tensor of inputs) if (!(tensor instanceof Tensor)) refuseOperand(record.name, tensor);
  return makeNode(record, inputs, attributes, record.infer(inputs, attributes));
}

/** @throws ArgumentError that says how a tensor is made. */
export function refuseOperand(owner: string, received: unknown): never {
  refuse(owner, 'inputs', 'a tensor of the same graph, as returned by an operator, tensorInput(name, shape) or constant(ndarray([…]))', received);
}

/** The first output of an operator applied. */
export function applyOne(record: OpRecord, inputs: readonly Tensor[], attributes: Attributes = {}): Tensor {
  return first(apply(record, inputs, attributes));
}

export function first(node: Node): Tensor {
  const tensor = node.outputs[0];
  if (!tensor) throw new RangeError(`${node.record.name} has no output`);
  return tensor;
}

/** A value given when the graph runs. @throws ArgumentError if its shape is no list of lengths and names. */
export function input(name: string, shape: Shape, dtype: DType = 'float32'): Tensor {
  if (!Array.isArray(shape)) refuse('tensorInput', 'shape', "a list of lengths, each a number or a name, such as ['N', 3]", shape);
  const tensor = first(makeNode(placeholder, [], {}, [{ dtype, shape }]));
  tensor.name = name;
  tensor.node.label = name;
  return tensor;
}

export function isInput(tensor: Tensor): boolean {
  return tensor.node.record === placeholder;
}

export function isConstant(tensor: Tensor): boolean {
  return tensor.node.record === constantRecord;
}

/** A fixed array. @throws ArgumentError if it is none. */
export function constant(value: NdArray, name?: string): Tensor {
  if (!(value instanceof NdArray)) refuse('constant', 'value', 'an NdArray, such as ndarray([[1, 2]])', value);
  const tensor = first(makeNode(constantRecord, [], {}, [value], { value }));
  if (name !== undefined) tensor.name = name;
  return tensor;
}

/** A number of no axes. */
export function scalar(value: number, dtype: DType = 'float32'): Tensor {
  return filled(value, [], dtype);
}

/** One number throughout a shape. */
export function filled(value: number, shape: StaticShape, dtype: DType): Tensor {
  const array = new NdArray(dtypes[dtype].allocate(sizeOf(shape)), shape, dtype);
  for (let i = 0; i < array.size; i++) array.set(i, value);
  return constant(array);
}

/** Whole numbers as int64, as ONNX wants axes and shapes. */
export function int64(values: readonly number[]): Tensor {
  return constant(new NdArray(BigInt64Array.from(values, BigInt), [values.length]));
}

/** The value of a constant of one element, else undefined. */
export function scalarValue(tensor: Tensor): number | undefined {
  const value = tensor.node.value;
  return value && value.size === 1 ? value.at(0) : undefined;
}

/** The shape of a constant array of int64, as numbers. */
export function constantInts(tensor: Tensor): StaticShape | undefined {
  const value = tensor.node.value;
  return value ? Array.from({ length: value.size }, (_, i) => value.at(i)) : undefined;
}

/** Nodes with ids from `since` on that the tensors need. */
export function madeSince(outputs: readonly Tensor[], since: number): Node[] {
  return topological(outputs, (node) => node.id >= since);
}

/** Tensors that a node depends on: its inputs, and the results of its bodies. */
export function dependencies(node: Node): readonly Tensor[] {
  return hasBodies(node) ? [...node.inputs, ...bodiesOf(node).flatMap((body) => body.results)] : node.inputs;
}

/**
 * Nodes that the tensors need, each after those it depends on; walked without recursion, since graphs are thousands of nodes deep.
 * `enter` may stop the walk at a node.
 */
export function topological(outputs: readonly Tensor[], enter: (node: Node) => boolean = () => true): Node[] {
  const seen = new Set<Node>();
  const order: Node[] = [];
  const meet = (tensors: readonly Tensor[]): void => {
    for (const { node } of tensors) {
      const count = seen.size;
      if (seen.add(node).size > count && enter(node)) order.push(node);
    }
  };
  meet(outputs);
  for (const node of order) meet(dependencies(node));
  return byId(order);
}

/** Nodes in the order of their ids; those of one graph are made one after the other, so that most ids between the first and the last are among them. */
function byId(nodes: Node[]): Node[] {
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const { id } of nodes) {
    if (id < least) least = id;
    if (id > most) most = id;
  }
  if (nodes.length === 0 || most - least > 16 * nodes.length) return nodes.sort((a, b) => a.id - b.id);
  const places = new Array<Node | undefined>(most - least + 1);
  for (const node of nodes) places[node.id - least] = node;
  return places.filter((node) => node !== undefined);
}

/** The label of nodes that only look on: what they read is computed as if they did not. */
export const ONLOOKER = 'vitals';

/** Gives every unlabelled node behind the tensors a label; stops at labelled ones. */
export function label(outputs: readonly Tensor[], text: string): void {
  for (const node of topological(outputs, (candidate) => candidate.label === undefined)) {
    if (node.record !== constantRecord) node.label = text;
  }
}

/** Wishes a name for a tensor in emitted files. */
export function named(tensor: Tensor, name: string): Tensor {
  tensor.name = name;
  return tensor;
}
