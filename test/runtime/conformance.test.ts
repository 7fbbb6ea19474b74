import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError, EngineError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import type { Engine, EngineOptions } from '#src/runtime/index.js';
import * as node from '#src/runtime/node.js';
import * as web from '#src/runtime/web.js';
import { addition, body, graph, integer, loopOfSquares, model, node as op, passThrough, type TestType, value } from './models.js';
import { installPageWorker } from './page.js';

installPageWorker();

const implementations = [
  { name: 'native, 1 thread', createEngine: node.createEngine, options: { backend: 'native', threads: 1 } },
  { name: 'native, 2 threads', createEngine: node.createEngine, options: { backend: 'native', threads: 2 } },
  { name: 'wasm in Node, 1 thread', createEngine: node.createEngine, options: { backend: 'wasm', threads: 1 } },
  { name: 'wasm in Node, 2 threads', createEngine: node.createEngine, options: { backend: 'wasm', threads: 2 } },
  { name: "wasm in a page's worker", createEngine: web.createEngine, options: { backend: 'wasm', threads: 1 } },
] satisfies { name: string; createEngine: (options: EngineOptions) => Promise<Engine>; options: EngineOptions }[];

const row = (...numbers: number[]) => new NdArray(Float32Array.from(numbers), [1, numbers.length]);

describe.each(implementations)('engine: $name', ({ createEngine, options }) => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await createEngine(options);
  });

  afterAll(() => engine.dispose());

  test('tells its backend and threads', () => {
    expect(engine.backend).toBe(options.backend);
    expect(engine.threads).toBe(options.threads);
    expect(engine.flushesDenormals).toBe(options.backend === 'native');
  });

  test('runs a graph and fetches its output', async () => {
    const session = await engine.load(addition, { name: 'addition' });
    const { fetched, kept } = await session.run({ a: row(1, 2, 3), b: row(10, 20, 30) }, { y: 'fetch' });
    expect(fetched.y).toBeInstanceOf(NdArray);
    expect(fetched.y?.shape).toEqual([1, 3]);
    expect([...(fetched.y?.data ?? [])]).toEqual([11, 22, 33]);
    expect(kept).toEqual({});
    await session.dispose();
  });

  test('leaves the caller its arrays, model and views', async () => {
    const bytes = addition.slice();
    const session = await engine.load(bytes);
    const backing = Float32Array.of(9, 9, 9, 1, 2, 3, 9, 9, 9);
    const view = new NdArray(backing.subarray(3, 6), [1, 3]);
    const { fetched } = await session.run({ a: view, b: view }, { y: 'fetch' });
    expect([...(fetched.y?.data ?? [])]).toEqual([2, 4, 6]);
    expect(fetched.y?.data.buffer.byteLength).toBe(12);
    expect(backing.length).toBe(9);
    expect(bytes).toEqual(addition);
  });

  test('leaves the caller its Buffers', async () => {
    // Each with memory of its own, as large files have: what many share cannot be moved.
    const own = (bytes: Uint8Array): Buffer => Buffer.from(Uint8Array.from(bytes).buffer);
    const bytes = own(passThrough('uint8'));
    const session = await engine.load(bytes);
    const raw = own(Uint8Array.of(1, 2, 3));
    // An array by its parts is taken as well as one that was constructed.
    for (const x of [new NdArray(raw), { data: raw, shape: [3], dtype: 'uint8' } as unknown as NdArray]) {
      const [kept] = await engine.putAll([x]);
      if (!kept) throw new Error('nothing was stored');
      expect((await session.run({ x: kept }, { y: 'fetch' })).fetched.y?.toNested()).toEqual([1, 2, 3]);
      expect([...raw]).toEqual([1, 2, 3]);
    }
    expect([...bytes]).toEqual([...passThrough('uint8')]);
  });

  test('takes any batch', async () => {
    const session = await engine.load(addition);
    for (const rows of [4, 1, 7, 0, 4]) {
      const a = new NdArray(
        Float32Array.from({ length: rows * 3 }, (_, i) => i),
        [rows, 3],
      );
      const { fetched } = await session.run({ a, b: row(1, 1, 1) }, { y: 'fetch' });
      expect(fetched.y?.shape).toEqual([rows, 3]);
      expect([...(fetched.y?.data ?? [])]).toEqual(Array.from({ length: rows * 3 }, (_, i) => i + 1));
    }
  });

  test('reads shared memory as it is at each run', async () => {
    const session = await engine.load(addition);
    const shared = new Float32Array(engine.allocate(24));
    expect(shared.buffer).toBeInstanceOf(SharedArrayBuffer);
    const second = new NdArray(shared.subarray(3), [1, 3]);
    const sums: number[][] = [];
    for (let round = 0; round < 3; round++) {
      shared.fill(round, 3);
      const { fetched } = await session.run({ a: second, b: second }, { y: 'fetch' });
      sums.push([...(fetched.y?.data ?? [])].map(Number));
    }
    expect(sums).toEqual([
      [0, 0, 0],
      [2, 2, 2],
      [4, 4, 4],
    ]);
  });

  test('keeps values between runs, gets and frees them', async () => {
    const session = await engine.load(addition);
    const one = await engine.put(row(1, 1, 1));
    expect(one).toMatchObject({ dtype: 'float32', shape: [1, 3] });
    let sum = await engine.put(row(0, 0, 0));
    for (let i = 0; i < 5; i++) {
      const { kept, fetched } = await session.run({ a: sum, b: one }, { y: 'keep' }, { free: [sum] });
      expect(fetched).toEqual({});
      await expect(engine.get([sum])).rejects.toThrow(/freed/);
      if (!kept.y) throw new Error('y was not kept');
      sum = kept.y;
    }
    const [total, still] = await engine.get([sum, one]);
    expect([...(total?.data ?? [])]).toEqual([5, 5, 5]);
    expect([...(still?.data ?? [])]).toEqual([1, 1, 1]);
    expect([...((await engine.get([sum]))[0]?.data ?? [])]).toEqual([5, 5, 5]);
    engine.free([sum, one]);
    engine.free([one]);
    await expect(engine.get([one])).rejects.toThrow(EngineError);
    await expect(session.run({ a: one, b: row(1, 1, 1) }, { y: 'fetch' })).rejects.toThrow(/freed/);
  });

  test('a stored value is a copy, of shared memory too', async () => {
    const shared = new Float32Array(engine.allocate(12)).fill(1);
    const plain = new Float32Array(3).fill(2);
    const residents = await engine.putAll([new NdArray(shared), new NdArray(plain)]);
    shared.fill(7);
    plain.fill(7);
    const [first, second] = await engine.get(residents);
    expect([...(first?.data ?? [])]).toEqual([1, 1, 1]);
    expect([...(second?.data ?? [])]).toEqual([2, 2, 2]);
    first?.data.fill(8 as never);
    expect([...((await engine.get(residents))[0]?.data ?? [])]).toEqual([1, 1, 1]);
  });

  test('an output that is an input does not change with the input', async () => {
    const session = await engine.load(
      model([op('Identity', ['x'], ['y'])], [value('x', 'float32', [3])], [value('x', 'float32', [3]), value('y', 'float32', [3])]),
    );
    const shared = new Float32Array(engine.allocate(12)).fill(1);
    const first = await session.run({ x: new NdArray(shared) }, { x: 'keep', y: 'keep' });
    shared.fill(2);
    await session.run({ x: new NdArray(shared) }, { y: 'fetch' });
    for (const array of await engine.get(Object.values(first.kept))) expect([...array.data]).toEqual([1, 1, 1]);
  });

  test('frees nothing when a run fails', async () => {
    const session = await engine.load(addition);
    const wrong = await engine.put(new NdArray(new Float32Array(4), [1, 4]));
    await expect(session.run({ a: wrong, b: wrong }, { y: 'keep' }, { free: [wrong] })).rejects.toThrow(EngineError);
    expect((await engine.get([wrong]))[0]?.shape).toEqual([1, 4]);
  });

  test('runs in the order asked for', async () => {
    const session = await engine.load(addition);
    const shared = new NdArray(new Float32Array(engine.allocate(12)), [1, 3]);
    const start = await engine.put(row(1, 1, 1));
    const runs = [1, 2, 3].map((k) => session.run({ a: start, b: row(k, k, k) }, { y: 'fetch' }));
    engine.free([start]);
    const late = session.run({ a: start, b: shared }, { y: 'fetch' });
    const lateFails = expect(late).rejects.toThrow(/freed/);
    expect((await Promise.all(runs)).map(({ fetched }) => fetched.y?.at(0))).toEqual([2, 3, 4]);
    await lateFails;
  });

  test('a Loop keeps its state between runs', async () => {
    const counting = model(
      [
        op(
          'Loop',
          ['steps', '', 'state'],
          ['state_end', 'seen'],
          [
            body(
              'body',
              graph(
                [
                  op('Identity', ['on'], ['on_next']),
                  op('Cast', ['i'], ['i_float'], [integer('to', 1)]),
                  op('Add', ['s', 'i_float'], ['s_next']),
                  op('Identity', ['s_next'], ['seen_now']),
                ],
                [value('i', 'int64', []), value('on', 'bool', []), value('s', 'float32', [])],
                [value('on_next', 'bool', []), value('s_next', 'float32', []), value('seen_now', 'float32', [])],
              ),
            ),
          ],
        ),
      ],
      [value('steps', 'int64', []), value('state', 'float32', [])],
      [value('state_end', 'float32', []), value('seen', 'float32', ['K'])],
    );
    const session = await engine.load(counting, { name: 'counting' });
    let state = await engine.put(new NdArray(Float32Array.of(100), []));
    const seen: number[][] = [];
    for (const steps of [3n, 2n]) {
      const { fetched, kept } = await session.run(
        { steps: new NdArray(BigInt64Array.of(steps), []), state },
        { state_end: 'keep', seen: 'fetch' },
        { free: [state] },
      );
      seen.push([...(fetched.seen?.data ?? [])].map(Number));
      if (!kept.state_end) throw new Error('the state was not kept');
      state = kept.state_end;
    }
    expect(seen).toEqual([
      [100, 101, 103],
      [103, 104],
    ]);
    expect((await engine.get([state]))[0]?.at(0)).toBe(104);
  });

  const dtypeCases: [TestType, NdArray][] = [
    ['float32', new NdArray(Float32Array.of(1.5, -0, Number.NaN))],
    ['float64', new NdArray(Float64Array.of(Math.PI, -1e300, Number.POSITIVE_INFINITY))],
    ['int32', new NdArray(Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1))],
    ['int64', new NdArray(BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n))],
    ['uint8', new NdArray(Uint8Array.of(0, 128, 255))],
    ['bool', new NdArray(Uint8Array.of(0, 1, 1), [3], 'bool')],
  ];

  test.each(dtypeCases)('%s goes in and comes out unchanged', async (dtype, array) => {
    const session = await engine.load(passThrough(dtype));
    const { fetched } = await session.run({ x: array }, { y: 'fetch' });
    expect(fetched.y?.dtype).toBe(dtype);
    expect(fetched.y?.data).toEqual(array.data);
    const { kept } = await session.run({ x: await engine.put(array) }, { y: 'keep' });
    expect(kept.y?.dtype).toBe(dtype);
    expect(await engine.get(Object.values(kept))).toEqual([array]);
  });

  test('an element type that arrays cannot have is refused', async () => {
    const half = await engine.load(
      model([op('Cast', ['x'], ['y'], [integer('to', 10)])], [value('x', 'float32', ['N'])], [value('y', 'float16', ['N'])]),
    );
    for (const fate of ['fetch', 'keep'] as const) {
      await expect(half.run({ x: new NdArray(Float32Array.of(1)) }, { y: fate })).rejects.toThrow(
        /float16 are not supported; supported element types: float32/,
      );
    }
  });

  test("a graph that ONNX Runtime refuses gives its message and the session's name", async () => {
    await expect(engine.load(Uint8Array.of(1, 2, 3), { name: 'scraps' })).rejects.toThrow(/'scraps'.*protobuf/);
    const unknown = model([op('Frobnicate', ['x'], ['y'])], [value('x', 'float32', [1])], [value('y', 'float32', [1])]);
    await expect(engine.load(unknown, { name: 'strange' })).rejects.toThrow(/'strange'.*Frobnicate/s);
  });

  test('feeds that do not fit give an error, and the session lives on', async () => {
    const session = await engine.load(addition, { name: 'addition' });
    const good = { a: row(1, 2, 3), b: row(1, 1, 1) };
    const refused: [Record<string, NdArray>, RegExp][] = [
      [{ ...good, a: row(1, 2) }, /^running 'addition': .*[Gg]ot: 2 Expected: 3/s],
      [{ ...good, a: new NdArray(BigInt64Array.of(1n, 2n, 3n), [1, 3]) }, /'addition'.*int64/s],
      [{ a: good.a }, /'addition'.*'b'/s],
      [{ ...good, c: good.a }, /no input 'c'/],
    ];
    for (const [feeds, message] of refused) {
      const failing = session.run(feeds, { y: 'fetch' });
      await expect(failing).rejects.toThrow(message);
      await expect(failing).rejects.toBeInstanceOf(EngineError);
    }
    await expect(session.run(good, { z: 'fetch' })).rejects.toThrow(/'addition'.*\bz\b/);
    const { fetched } = await session.run(good, { y: 'fetch' });
    expect(fetched.y?.at(2)).toBe(4);
  });

  test('a value of another engine is refused', async () => {
    const other = await createEngine({ ...options, threads: 1 });
    const foreign = await other.put(row(1, 2, 3));
    await expect(engine.get([foreign])).rejects.toThrow(ArgumentError);
    await other.dispose();
  });

  test('a disposed session refuses to run, others go on', async () => {
    const [session, other] = await Promise.all([engine.load(addition, { name: 'first' }), engine.load(addition)]);
    await session.dispose();
    await session.dispose();
    await expect(session.run({ a: row(1, 2, 3), b: row(1, 2, 3) }, { y: 'fetch' })).rejects.toThrow(/'first'.*disposed/);
    expect((await other.run({ a: row(1, 2, 3), b: row(1, 2, 3) }, { y: 'fetch' })).fetched.y?.at(2)).toBe(6);
  });

  test('a replica is an engine of its own and ends with its parent', async () => {
    const parent = await createEngine(options);
    const replica = await parent.spawn({ threads: 1 });
    expect(replica).toMatchObject({ backend: parent.backend, threads: 1, flushesDenormals: parent.flushesDenormals });
    const session = await replica.load(addition, { name: 'copy' });
    const { fetched } = await session.run({ a: row(1, 2, 3), b: row(1, 2, 3) }, { y: 'fetch' });
    expect(fetched.y?.at(0)).toBe(2);
    const grandchild = await replica.spawn();
    await parent.dispose();
    await expect(session.run({ a: row(1, 2, 3), b: row(1, 2, 3) }, { y: 'fetch' })).rejects.toThrow(/replica.*disposed/);
    await expect(grandchild.put(row(1))).rejects.toThrow(EngineError);
  });

  test('dispose in the middle of a run rejects the run, and everything after', async () => {
    const doomed = await createEngine(options);
    const session = await doomed.load(loopOfSquares, { name: 'long' });
    const identity = new NdArray(
      Float32Array.from({ length: 64 * 64 }, (_, i) => (i % 65 === 0 ? 1 : 0)),
      [64, 64],
    );
    const run = session.run({ steps: new NdArray(BigInt64Array.of(3000n), []), w: identity }, { w_end: 'fetch' });
    const rejected = expect(run).rejects.toThrow(/'long'.*disposed/);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const disposing = doomed.dispose();
    await rejected;
    await disposing;
    await doomed.dispose();
    await expect(session.run({}, { w_end: 'fetch' })).rejects.toThrow(EngineError);
    await expect(doomed.load(addition)).rejects.toThrow(/disposed/);
    await expect(doomed.put(row(1))).rejects.toThrow(/disposed/);
    await expect(doomed.spawn()).rejects.toThrow(/disposed/);
    await session.dispose();
    doomed.free([]);
  });
});
