import { isTypedArray } from '../core/dtype.js';
import { ArgumentError, EngineError } from '../core/errors.js';
import { checkBytes, isRecord, refuse } from '../core/expect.js';
import type { NdArray } from '../core/ndarray.js';
import {
  allocateShared,
  type Call,
  type Calls,
  type EngineFacts,
  messageOf,
  pack,
  type Reply,
  type Request,
  unpack,
  type WireArray,
} from './protocol.js';
import type { Backend, Engine, Feeds, LoadOptions, OutputPlan, Resident, RunOptions, RunResult, Session } from './session.js';

/** The caller's end of the line to an engine. */
export interface Link {
  post(request: Request, moved: Transferable[]): void;
  /** `end` is told why the engine's thread is gone. */
  listen(receive: (reply: Reply) => void, end: (reason: string) => void): void;
  /** Whether an answer is awaited: only then may the line keep the process alive. */
  hold(awaited: boolean): void;
  /** Lets go of the thread; resolves when it has ended. */
  end(): Promise<void>;
}

type Forgotten = { readonly [K in 'free' | 'unload']: { readonly call: K; readonly request: Calls[K]['request'] } }['free' | 'unload'];

interface Pending {
  readonly what: string;
  resolve(value: never): void;
  reject(error: EngineError): void;
}

/** The caller's side of an engine that lives at the other end of a link. */
export class EngineClient implements Engine {
  readonly backend: Backend;
  readonly #link: Link;
  readonly #open: (threads: number) => Link;
  #facts: EngineFacts = { threads: 1, flushesDenormals: false };
  readonly #pending = new Map<number, Pending>();
  readonly #replicas = new Set<EngineClient>();
  readonly #known = new WeakSet<Resident>();
  /** Lets go in the engine of sessions and values that nobody can use any more: whoever holds them forgot to. Numbers come only once, so that freeing twice does nothing. */
  readonly #forgotten = new FinalizationRegistry<Forgotten>((request) => {
    if (!this.ended) this.#link.post({ id: 0, ...request }, []);
  });
  #lastId = 0;
  #failure: string | undefined;
  #ended: Promise<void> | undefined;

  private constructor(backend: Backend, link: Link, open: (threads: number) => Link) {
    this.backend = backend;
    this.#link = link;
    this.#open = open;
  }

  /** Opens a link and waits until the engine at its end is ready. `open` serves for replicas too. @throws EngineError if ONNX Runtime cannot be started. */
  static connect(backend: Backend, threads: number, open: (threads: number) => Link): Promise<EngineClient> {
    const link = open(threads);
    const client = new EngineClient(backend, link, open);
    link.hold(true);
    return new Promise((resolve, reject) => {
      const refuse = (message: string) => {
        client.#fail(message);
        link.hold(false);
        reject(new EngineError(`the ${backend} engine could not be started: ${message}`));
      };
      link.listen((reply) => {
        if (reply.kind === 'ready') {
          client.#facts = reply.facts;
          link.hold(false);
          resolve(client);
        } else if (reply.kind === 'unable') {
          refuse(reply.message);
          void link.end();
        } else client.#receive(reply);
      }, refuse);
    });
  }

  get threads(): number {
    return this.#facts.threads;
  }

  get flushesDenormals(): boolean {
    return this.#facts.flushesDenormals;
  }

  /** Whether it has been disposed or has died. */
  get ended(): boolean {
    return this.#failure !== undefined;
  }

  async load(model: Uint8Array, options: LoadOptions = {}): Promise<Session> {
    const bytes = checkBytes('load', model);
    const name = options.name ?? 'graph';
    const threads = checkThreads(options.threads ?? this.threads);
    const moved: Transferable[] = [];
    const { data } = pack({ data: bytes, shape: [bytes.length], dtype: 'uint8' }, moved);
    const request = { model: data as Uint8Array, threads, optimization: options.optimization ?? 'disabled' };
    const id = await this.call('load', `loading '${name}'`, request, moved);
    const session = new SessionClient(this, name, id);
    this.#forgotten.register(session, { call: 'unload', request: id }, session);
    return session;
  }

  async put(array: NdArray): Promise<Resident> {
    const [resident] = await this.putAll([array]);
    return resident as Resident;
  }

  async putAll(arrays: readonly NdArray[]): Promise<Resident[]> {
    for (const array of arrays) if (!isTypedArray(array?.data)) refuse('put', 'array', 'an NdArray, such as ndarray([[1, 2]])', array);
    const moved: Transferable[] = [];
    const packed = arrays.map((array) => pack(array, moved));
    return (await this.call('put', 'storing arrays', packed, moved)).map((resident) => this.know(resident));
  }

  async get(residents: readonly Resident[]): Promise<NdArray[]> {
    const ids = residents.map((resident) => this.idOf(resident));
    return (await this.call('get', 'reading values', ids)).map(unpack);
  }

  free(residents: readonly Resident[]): void {
    if (this.ended) return;
    const ids = residents.map((resident) => this.idOf(resident));
    this.#link.post({ id: 0, call: 'free', request: ids }, []);
    this.released(residents);
  }

  allocate(bytes: number): ArrayBufferLike {
    return allocateShared(bytes);
  }

  async spawn(options: { readonly threads?: number } = {}): Promise<Engine> {
    this.#requireAlive('starting a replica');
    const replica = await EngineClient.connect(this.backend, checkThreads(options.threads ?? this.threads), this.#open);
    if (this.#failure !== undefined) {
      await replica.dispose();
      this.#requireAlive('starting a replica');
    }
    for (const other of this.#replicas) if (other.ended) this.#replicas.delete(other);
    this.#replicas.add(replica);
    return replica;
  }

  dispose(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    const replicas = [...this.#replicas];
    this.#fail('the engine has been disposed');
    await Promise.all([this.#link.end(), ...replicas.map((replica) => replica.dispose())]);
  }

  /** Asks the engine; `what` says in an error what was being done. */
  call<K extends Call>(call: K, what: string, request: Calls[K]['request'], moved: Transferable[] = []): Promise<Calls[K]['reply']> {
    return new Promise((resolve, reject) => {
      this.#requireAlive(what);
      const id = ++this.#lastId;
      try {
        this.#link.post({ id, call, request } as Request, moved);
      } catch (error) {
        throw new EngineError(`${what}: the request cannot be sent to the engine: ${messageOf(error)}`, {}, { cause: error });
      }
      if (this.#pending.size === 0) this.#link.hold(true);
      this.#pending.set(id, { what, resolve, reject });
    });
  }

  /** Notes that a resident is this engine's. */
  know(resident: Resident): Resident {
    this.#known.add(resident);
    this.#forgotten.register(resident, { call: 'free', request: [resident.id] }, resident);
    return resident;
  }

  /** Notes what the engine no longer holds. */
  released(gone: readonly object[]): void {
    for (const one of gone) this.#forgotten.unregister(one);
  }

  idOf(resident: Resident): number {
    if (!this.#known.has(resident)) {
      throw new ArgumentError(
        "this value belongs to another engine: pass a value returned by this engine's put or run, or copy it over with get there and put here",
        {
          received: resident,
        },
      );
    }
    return resident.id;
  }

  #requireAlive(what: string): void {
    if (this.#failure !== undefined) throw new EngineError(`${what}: ${this.#failure}`);
  }

  #receive(reply: Extract<Reply, { id: number }>): void {
    const pending = this.#pending.get(reply.id);
    if (!pending) return;
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0) this.#link.hold(false);
    if (reply.kind === 'answer') pending.resolve(reply.value as never);
    else pending.reject(new EngineError(`${pending.what}: ${reply.message}`));
  }

  #fail(reason: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    if (this.#pending.size > 0) this.#link.hold(false);
    for (const { what, reject } of this.#pending.values()) reject(new EngineError(`${what}: ${reason}`));
    this.#pending.clear();
    for (const replica of this.#replicas) {
      replica.#fail(`the engine that it replicates has ended: ${reason}`);
      void replica.dispose();
    }
    this.#replicas.clear();
  }
}

class SessionClient implements Session {
  readonly #engine: EngineClient;
  readonly #name: string;
  readonly #id: number;

  constructor(engine: EngineClient, name: string, id: number) {
    this.#engine = engine;
    this.#name = name;
    this.#id = id;
  }

  async run(feeds: Feeds, outputs: OutputPlan, options: RunOptions = {}): Promise<RunResult> {
    const engine = this.#engine;
    const moved: Transferable[] = [];
    const sent: Record<string, WireArray | number> = {};
    for (const [name, feed] of Object.entries(feeds)) {
      const given: unknown = feed;
      if (!isRecord(given)) refuse(`running '${this.#name}'`, name, `an NdArray for '${name}', or a value held by this engine`, given);
      sent[name] = 'data' in feed ? pack(feed, moved) : engine.idOf(feed);
    }
    const free = (options.free ?? []).map((resident) => engine.idOf(resident));
    const reply = await engine.call('run', `running '${this.#name}'`, { session: this.#id, feeds: sent, outputs, free }, moved);
    const fetched: Record<string, NdArray> = {};
    for (const [name, array] of Object.entries(reply.fetched)) fetched[name] = unpack(array);
    for (const resident of Object.values(reply.kept)) engine.know(resident);
    engine.released(options.free ?? []);
    return { fetched, kept: reply.kept };
  }

  async dispose(): Promise<void> {
    if (this.#engine.ended) return;
    this.#engine.released([this]);
    await this.#engine.call('unload', `disposing '${this.#name}'`, this.#id);
  }
}

/** @throws ArgumentError if the number of threads is not a whole number from 1. */
export function checkThreads(threads: number): number {
  if (Number.isInteger(threads) && threads >= 1) return threads;
  throw new ArgumentError(`threads must be a whole number ≥ 1, got ${threads}`, {
    argument: 'threads',
    received: threads,
    expected: 'an integer ≥ 1',
  });
}
