import { type DType, dtypeOf, dtypes, type TypedArray } from '../core/dtype.js';
import { NdArray } from '../core/ndarray.js';
import type { StaticShape } from '../core/shape.js';
import type { OptimizationLevel, OutputPlan, Resident } from './session.js';

/** An `NdArray` as it crosses between threads: structured clone drops classes. */
export interface WireArray {
  readonly data: TypedArray;
  readonly shape: StaticShape;
  readonly dtype: DType;
}

/** What can be asked of the engine's side, and what it answers. Sessions and residents go by number. */
export interface Calls {
  load: { request: { model: Uint8Array; threads: number; optimization: OptimizationLevel }; reply: number };
  unload: { request: number; reply: null };
  run: {
    request: { session: number; feeds: Record<string, WireArray | number>; outputs: OutputPlan; free: readonly number[] };
    reply: { fetched: Record<string, WireArray>; kept: Record<string, Resident> };
  };
  put: { request: readonly WireArray[]; reply: Resident[] };
  get: { request: readonly number[]; reply: WireArray[] };
  free: { request: readonly number[]; reply: null };
}

export type Call = keyof Calls;

export type Request = { [K in Call]: { readonly id: number; readonly call: K; readonly request: Calls[K]['request'] } }[Call];

/** What an engine tells about itself when it is ready. */
export interface EngineFacts {
  readonly threads: number;
  readonly flushesDenormals: boolean;
}

export type Reply =
  | { readonly kind: 'ready'; readonly facts: EngineFacts }
  | { readonly kind: 'unable'; readonly message: string }
  | { readonly kind: 'answer'; readonly id: number; readonly value: Calls[Call]['reply'] }
  | { readonly kind: 'refusal'; readonly id: number; readonly message: string };

/** An array for the wire, leaving the caller's own usable: shared memory goes as it is, other memory as a copy that is moved. */
export function pack(array: WireArray, moved: Transferable[]): WireArray {
  const { shape, dtype } = array;
  if (isShared(array.data)) return { data: array.data, shape, dtype };
  // A buffer's slice is a copy whatever the array's class makes of its own.
  const { buffer, byteOffset, byteLength } = array.data;
  const copy = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
  moved.push(copy);
  return { data: new dtypes[dtypeOf(array.data)].array(copy), shape, dtype };
}

/** An array for the wire that its owner gives up: moved where it is the whole of its buffer, else copied. */
export function packOwned(array: WireArray, moved: Transferable[]): WireArray {
  const { data } = array;
  const { buffer } = data;
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== data.byteLength) return pack({ ...array, data: data.slice() }, moved);
  moved.push(buffer);
  return array;
}

export function unpack(array: WireArray): NdArray {
  return new NdArray(array.data, array.shape, array.dtype);
}

export function isShared(data: ArrayBufferView): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && data.buffer instanceof SharedArrayBuffer;
}

/** Shared memory where the platform has it: arrays on it cross to the engine without a copy. */
export function allocateShared(bytes: number): ArrayBufferLike {
  return typeof SharedArrayBuffer === 'undefined' ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
