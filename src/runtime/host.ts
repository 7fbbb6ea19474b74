import { type DType, dtypes, isTypedArray, type TypedArray } from '../core/dtype.js';
import { suggestion } from '../core/names.js';
import type { Gate } from './gate.js';
import { flushesDenormals, type Ort, type OrtSession, type OrtTensor, sessionOptions } from './ort.js';
import { type Call, type Calls, isShared, messageOf, pack, packOwned, type Reply, type Request, type WireArray } from './protocol.js';
import type { Backend, Resident } from './session.js';
import { inWords } from './words.js';

/** The engine's end of the line to its caller. */
export interface HostPort {
  post(reply: Reply, moved: Transferable[]): void;
  listen(receive: (request: Request) => void): void;
}

interface Loaded {
  readonly session: OrtSession;
  /** Copies of feeds on shared memory, by input: onnxruntime-node takes none. ONNX Runtime's results never alias its feeds, so each serves every run. */
  readonly scratch: Map<string, TypedArray>;
  /** Outputs that were kept and then freed, by name: the next run writes into them, so that nothing piles up until it is collected. */
  readonly spare: Map<string, OrtTensor>;
  /** Outputs whose shape the graph knows. */
  readonly reusable: ReadonlySet<string>;
  closed: boolean;
}

interface Held {
  readonly tensor: OrtTensor;
  /** The output it came from, where a later one may take its place. */
  readonly from?: { readonly loaded: Loaded; readonly name: string };
}

type Answers = { [K in Call]: (request: Calls[K]['request'], moved: Transferable[]) => Promise<Calls[K]['reply']> };

/** The engine's side: owns sessions and residents, and answers requests one after the other. */
export class EngineHost {
  readonly #ort: Ort;
  readonly #backend: Backend;
  readonly #sessions = new Map<number, Loaded>();
  readonly #residents = new Map<number, Held>();
  readonly #gate: Gate | undefined;
  #lastId = 0;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(ort: Ort, backend: Backend, gate: Gate | undefined) {
    this.#ort = ort;
    this.#backend = backend;
    this.#gate = gate;
  }

  /** Opens ONNX Runtime and serves one caller; says `ready`, or `unable` and why. `gate` is needed where stopping the thread inside ONNX Runtime does harm. */
  static async serve(port: HostPort, backend: Backend, threads: number, open: () => Promise<Ort>, gate?: Gate): Promise<EngineHost | undefined> {
    if (gate?.enter() === false) return undefined;
    try {
      const ort = await open();
      // The WebAssembly build has one pool for all sessions, made with the first.
      if (backend !== 'native') ort.env.wasm.numThreads = threads;
      const flushes = await flushesDenormals(ort, backend);
      const host = new EngineHost(ort, backend, gate);
      port.listen((request) => {
        host.#last = host.#last.then(() => host.#answer(port, request));
      });
      const poolThreads = backend === 'native' ? threads : (ort.env.wasm.numThreads ?? threads);
      port.post({ kind: 'ready', facts: { threads: poolThreads, flushesDenormals: flushes } }, []);
      return host;
    } catch (error) {
      port.post({ kind: 'unable', message: inWords(messageOf(error), backend) }, []);
      return undefined;
    } finally {
      gate?.leave();
    }
  }

  /** Finishes the request at hand, drops those that wait, and lets go of everything the caller had. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    if (this.#gate?.enter() === false) return;
    try {
      for (const { session } of this.#sessions.values()) await session.release();
      this.#sessions.clear();
      this.#release([...this.#residents.keys()]);
    } finally {
      this.#gate?.leave();
    }
  }

  async #answer(port: HostPort, { id, call, request }: Request): Promise<void> {
    if (this.#closed || this.#gate?.enter() === false) return;
    try {
      const moved: Transferable[] = [];
      const answer = this.#answers[call] as (request: Calls[Call]['request'], moved: Transferable[]) => Promise<Calls[Call]['reply']>;
      port.post({ kind: 'answer', id, value: await answer(request, moved) }, moved);
    } catch (error) {
      // ONNX Runtime's web build puts its own call and code in front of the message.
      port.post({ kind: 'refusal', id, message: inWords(messageOf(error).replace(/^.*ERROR_MESSAGE: /, ''), this.#backend) }, []);
    } finally {
      this.#gate?.leave();
    }
  }

  readonly #answers: Answers = {
    load: async ({ model, threads, optimization }) => {
      const bytes = isShared(model) ? model.slice() : model;
      const session = await this.#ort.InferenceSession.create(bytes, sessionOptions(this.#backend, threads, optimization));
      this.#sessions.set(++this.#lastId, {
        session,
        scratch: new Map(),
        spare: new Map(),
        reusable: reusableOutputs(this.#backend, session),
        closed: false,
      });
      return this.#lastId;
    },
    unload: async (id) => {
      const loaded = this.#sessions.get(id);
      this.#sessions.delete(id);
      if (loaded) loaded.closed = true;
      for (const tensor of loaded?.spare.values() ?? []) tensor.dispose();
      loaded?.spare.clear();
      await loaded?.session.release();
      return null;
    },
    run: async ({ session: id, feeds, outputs, free }, moved) => {
      const loaded = this.#sessions.get(id);
      if (!loaded) throw new Error('the session has been disposed');
      const tensors: Record<string, OrtTensor> = {};
      for (const [name, feed] of Object.entries(feeds)) tensors[name] = this.#feed(loaded, name, feed);
      const results = await loaded.session.run(tensors, this.#destinations(loaded, outputs));
      // All outputs are looked at before any is kept: a refusal must leave nothing behind.
      const tensorOf = (name: string): OrtTensor => {
        const tensor = results[name];
        if (!tensor) throw new Error(`the graph returned no output '${name}'`);
        return tensor;
      };
      for (const name of Object.keys(outputs)) dtypeOf(tensorOf(name));
      const fetched: Record<string, WireArray> = {};
      const kept: Record<string, Resident> = {};
      for (const [name, fate] of Object.entries(outputs)) {
        const tensor = tensorOf(name);
        if (fate === 'keep') kept[name] = this.#keep(tensor, loaded.reusable.has(name) ? { loaded, name } : undefined);
        else {
          fetched[name] = packOwned(await read(tensor), moved);
          tensor.dispose();
        }
      }
      this.#release(free, true);
      return { fetched, kept };
    },
    put: async (arrays) => arrays.map((array) => this.#keep(this.#tensor(isShared(array.data) ? { ...array, data: array.data.slice() } : array))),
    get: async (ids, moved) => {
      const arrays: WireArray[] = [];
      for (const id of ids) {
        const { data, shape, dtype } = await read(this.#resident(id));
        arrays.push(pack({ data: isShared(data) ? data.slice() : data, shape, dtype }, moved));
      }
      return arrays;
    },
    free: async (ids) => {
      this.#release(ids);
      return null;
    },
  };

  #feed({ session, scratch }: Loaded, name: string, feed: WireArray | number): OrtTensor {
    // The native build ignores feeds it does not know: a misspelt optional input would go unnoticed.
    if (!session.inputNames.includes(name)) throw new Error(`the graph has no input '${name}'${suggestion(name, session.inputNames)}`);
    if (typeof feed === 'number') return this.#resident(feed);
    if (this.#backend !== 'native' || !isShared(feed.data)) return this.#tensor(feed);
    const known = scratch.get(name);
    if (known && known.length >= feed.data.length && known.constructor === feed.data.constructor) {
      const copy = known.subarray(0, feed.data.length);
      bytesOf(copy).set(bytesOf(feed.data));
      return this.#tensor({ ...feed, data: copy });
    }
    const copy = feed.data.slice();
    scratch.set(name, copy);
    return this.#tensor({ ...feed, data: copy });
  }

  #tensor({ data, shape, dtype }: WireArray): OrtTensor {
    return new this.#ort.Tensor(dtype, data, shape);
  }

  /** Where each output goes: into a spare tensor, or a new one. */
  #destinations({ spare }: Loaded, outputs: Readonly<Record<string, 'fetch' | 'keep'>>): Record<string, OrtTensor | null> {
    return Object.fromEntries(
      Object.entries(outputs).map(([name, fate]) => {
        const tensor = fate === 'keep' ? spare.get(name) : undefined;
        if (tensor) spare.delete(name);
        return [name, tensor ?? null];
      }),
    );
  }

  #keep(tensor: OrtTensor, from?: Held['from']): Resident {
    this.#residents.set(++this.#lastId, { tensor, ...(from ? { from } : {}) });
    return { id: this.#lastId, dtype: dtypeOf(tensor), shape: tensor.dims };
  }

  #resident(id: number): OrtTensor {
    const tensor = this.#residents.get(id)?.tensor;
    if (!tensor) throw new Error(`value ${id} is no longer in the engine: it has been freed`);
    return tensor;
  }

  /** Lets values go; `reuse` keeps their memory for the next run of the session that made them. */
  #release(ids: readonly number[], reuse = false): void {
    for (const id of ids) {
      const held = this.#residents.get(id);
      this.#residents.delete(id);
      const { loaded, name } = (reuse && held?.from) || {};
      if (held && loaded && name !== undefined && !loaded.spare.has(name) && !loaded.closed) loaded.spare.set(name, held.tensor);
      else held?.tensor.dispose();
    }
  }
}

/** onnxruntime-web returns tensors given for outputs on the CPU unfilled. */
function reusableOutputs(backend: Backend, { outputMetadata }: OrtSession): Set<string> {
  if (backend !== 'native') return new Set();
  return new Set(outputMetadata.filter(({ shape }) => shape?.every((dim) => typeof dim === 'number' && dim >= 0)).map(({ name }) => name));
}

async function read(tensor: OrtTensor): Promise<WireArray> {
  const data = await tensor.getData();
  if (!isTypedArray(data)) throw new Error(`tensors of type ${tensor.type} cannot be read`);
  return { data, shape: tensor.dims, dtype: dtypeOf(tensor) };
}

function dtypeOf({ type }: OrtTensor): DType {
  if (!Object.hasOwn(dtypes, type))
    throw new Error(`tensors of type ${type} are not supported; supported element types: ${Object.keys(dtypes).join(', ')}`);
  return type as DType;
}

function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
