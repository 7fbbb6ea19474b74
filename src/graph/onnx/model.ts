import type { DType } from '../../core/dtype.js';
import type { NdArray } from '../../core/ndarray.js';
import type { Shape } from '../../core/shape.js';

/** One attribute of a node: its kind as ONNX tags it, and the value. `int` and `ints` decode to numbers where they are safe integers. */
export type Attribute =
  | { readonly kind: 'int'; readonly value: number | bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly (number | bigint)[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: NdArray }
  | { readonly kind: 'graph'; readonly value: OnnxGraph };

export type AttributeKind = Attribute['kind'];

/** One operator call. An empty input name is an optional input left out; `domain` absent is `ai.onnx`. */
export interface OnnxNode {
  readonly opType: string;
  readonly domain?: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly doc?: string;
}

/**
 * A named tensor's type; `shape` absent says that not even the rank is known. A dimension that a file leaves unnamed is read as `'?1'`, `'?2'` …,
 * different for each, and names beginning with `?` are not written.
 */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: DType;
  readonly shape?: Shape;
}

/** A constant that a graph holds: a weight, or a number that operators take as an input. */
export interface OnnxInitializer {
  readonly name: string;
  readonly array: NdArray;
}

/** A graph, of a model or in an attribute (`Loop`, `Scan`, `If`), where it may also use the names of the graphs around it. */
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly OnnxInitializer[];
  /** Types of values between nodes, for viewers. */
  readonly values?: readonly OnnxValue[];
}

/** A whole ONNX file. */
export interface OnnxModel {
  readonly irVersion: number;
  /** Version of each operator set by domain; `''` is `ai.onnx`. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly producer: string;
  readonly graph: OnnxGraph;
  readonly metadata?: Readonly<Record<string, string>>;
}
