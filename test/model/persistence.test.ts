import { spawn } from 'node:child_process';
import * as node from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ArgumentError,
  activations,
  type CompileOptions,
  FileError,
  fromConfig,
  Layer,
  type LayerContext,
  layers,
  load,
  type Model,
  model,
  NdArray,
  ops,
  optimizers,
  Random,
  saveModel,
  sequential,
  type Tensor,
  toConfig,
} from 'evenkeel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '#src/storage/safetensors.js';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await node.mkdtemp(join(tmpdir(), 'evenkeel-'));
  path = join(folder, 'model.safetensors');
});
afterEach(() => node.rm(folder, { recursive: true, force: true }));

const random = new Random(5);
const [ROWS, FEATURES] = [70, 6];
const x = new NdArray(
  Float32Array.from({ length: ROWS * FEATURES }, () => random.normal(3, 2)),
  [ROWS, FEATURES],
);
const y = new NdArray(Int32Array.from({ length: ROWS }, (_, row) => Number(x.at(row * FEATURES) > 3) + Number(x.at(row * FEATURES + 1) > 3)));

const adam: CompileOptions = { optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy', 'sparseCategoricalCrossentropy'] };

/** Everything that keeps state: moments of the data, running statistics, dropout, a learned slope, optimizer slots. */
const stateful = (): Model =>
  sequential(
    [
      layers.input([FEATURES]),
      layers.normalization(),
      layers.dense(16, { activation: 'prelu', kernelInitializer: 'heNormal' }),
      layers.batchNormalization({ momentum: 0.9 }),
      layers.dropout(0.3),
      layers.dense(3, { activation: 'softmax' }),
    ],
    { seed: 11, name: 'stateful' },
  );

const quiet = { batchSize: 16, verbose: 0 } as const;

/** Every array of the state as bytes, by name. */
async function bits(of: Model): Promise<Record<string, string>> {
  const state = await of.getState();
  return Object.fromEntries([...state].map(([name, { data }]) => [name, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')]));
}

const bitsOf = ({ data }: NdArray): string => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex');

describe('a saved model', () => {
  it('predicts the same bits', async () => {
    const trained = stateful().compile(adam);
    await trained.fit(x, y, { ...quiet, epochs: 2 });
    await trained.save(path);
    const loaded = await load(path);
    expect(bitsOf(await loaded.predict(x))).toBe(bitsOf(await trained.predict(x)));
    expect(await loaded.evaluate(x, y)).toEqual(await trained.evaluate(x, y));
    expect(await bits(loaded)).toEqual(await bits(trained));
    expect(loaded.summary()).toBe(trained.summary());
  });

  it.each([
    ['adam', adam],
    ['sgd with momentum', { ...adam, optimizer: optimizers.sgd({ momentum: 0.9, learningRate: 0.02 }) }],
  ])('goes on as if it had never stopped: %s', async (_, how) => {
    const whole = stateful().compile(how);
    const all = await whole.fit(x, y, { ...quiet, epochs: 5, validationSplit: 0.2 });

    const half = stateful().compile(how);
    await half.fit(x, y, { ...quiet, epochs: 2, validationSplit: 0.2 });
    await half.save(path);
    const resumed = await load(path);
    const rest = await resumed.fit(x, y, { ...quiet, epochs: 5, initialEpoch: 2, validationSplit: 0.2 });

    expect(await bits(resumed)).toEqual(await bits(whole));
    for (const [key, values] of Object.entries(all.history)) expect(rest.history[key]).toEqual(values.slice(2));
    // Different from a run that only starts at the same weights, so that the equality above means something.
    const forgetful = stateful().compile(how);
    await forgetful.setWeights(await (await load(path)).getWeights());
    await forgetful.fit(x, y, { ...quiet, epochs: 5, initialEpoch: 2, validationSplit: 0.2 });
    expect(await bits(forgetful)).not.toEqual(await bits(whole));
  });

  it('keeps long rows of equal layers bit for bit', async () => {
    const deep = (): Model =>
      sequential(
        [
          layers.input([FEATURES]),
          ...Array.from({ length: 24 }, () => layers.dense(8, { activation: 'selu', kernelInitializer: 'lecunNormal' })),
          layers.dense(3, { activation: 'softmax' }),
        ],
        { seed: 3 },
      ).compile(adam);
    const whole = deep();
    await whole.fit(x, y, { ...quiet, epochs: 2 });
    const half = deep();
    await half.fit(x, y, { ...quiet, epochs: 1 });
    await half.save(path);
    const resumed = await load(path);
    await resumed.fit(x, y, { ...quiet, epochs: 2, initialEpoch: 1 });
    expect(await bits(resumed)).toEqual(await bits(whole));
  });

  it('keeps several inputs and outputs, shared and frozen layers, weights of losses and float64', async () => {
    const [left, right] = [layers.input([4], { name: 'left' }), layers.input([4], { name: 'right', dtype: 'uint8' })];
    const shared = layers.dense(5, { activation: 'tanh', name: 'shared', trainable: false });
    const joined = layers.concatenate().apply([shared.apply(left), shared.apply(right), layers.add().apply([left, left])]);
    const outputs = [layers.dense(1, { name: 'score' }).apply(joined), layers.dense(1, { activation: 'sigmoid', name: 'flag' }).apply(joined)];
    const before = model({ inputs: [left, right], outputs }, { dtype: 'float64', seed: 4, name: 'wired' });
    before.compile({
      optimizer: 'adamW',
      loss: { score: 'huber', flag: 'binaryCrossentropy' },
      lossWeights: { score: 2, flag: 0.5 },
      metrics: { flag: ['accuracy'] },
    });
    await before.save(path);
    const after = await load(path);
    expect(toConfig(after)).toEqual(toConfig(before));
    expect(after.layer('shared').trainable).toBe(false);
    const inputs = { left: NdArray.from([[1, 2, 3, 4]], 'float64'), right: new NdArray(Uint8Array.of(9, 8, 7, 6), [1, 4]) };
    const [a, b] = [await before.predict(inputs, { all: true }), await after.predict(inputs, { all: true })];
    expect(b.map(bitsOf)).toEqual(a.map(bitsOf));
    const targets = { score: NdArray.from([[3]]), flag: NdArray.from([[1]]) };
    expect(await after.trainOnBatch(inputs, targets)).toEqual(await before.trainOnBatch(inputs, targets));
  });

  it('remembers whether its normalization has seen data', async () => {
    await stateful().compile(adam).save(path);
    const loaded = await load(path);
    const fresh = stateful().compile(adam);
    for (const one of [loaded, fresh]) await one.fit(x, y, { ...quiet, epochs: 1 });
    expect(await bits(loaded)).toEqual(await bits(fresh));
    const mean = (await loaded.getState()).get('normalization_1/mean')?.at(0);
    const column = Array.from({ length: ROWS }, (_, row) => x.at(row * FEATURES));
    expect(mean).toBeCloseTo(column.reduce((sum, value) => sum + value, 0) / ROWS, 4);
  });

  it('is saved without being compiled', async () => {
    const plain = stateful();
    await saveModel(plain, path, { notes: { classNames: '["a","b","c"]' } });
    expect(decodeSafetensors(await node.readFile(path)).metadata.classNames).toBe('["a","b","c"]');
    const loaded = await load(path);
    expect(loaded.isCompiled).toBe(false);
    expect(bitsOf(await loaded.predict(x))).toBe(bitsOf(await plain.predict(x)));
    await expect(saveModel(plain, path, { notes: { model: 'x' } })).rejects.toThrow(/note cannot be named 'model'/);
    await expect(plain.save(path, { note: {} } as never)).rejects.toThrow(/save: unknown option 'note'.*'notes'/);
  });
});

/** A layer of the user's own: multiplies by a learned factor. */
class Scale extends Layer {
  readonly kind = 'scale';
  readonly factor: number;
  constructor({ factor = 1, ...options }: { factor?: number; name?: string; trainable?: boolean } = {}) {
    super(options);
    this.factor = factor;
  }
  config() {
    return { factor: this.factor };
  }
  call([input]: readonly Tensor[], context: LayerContext): Tensor {
    const factor = context.parameter('factor', { shape: [1], initializer: 'ones' });
    return ops.mul(input as Tensor, ops.mul(factor, this.factor));
  }
}

describe("functions of the user's own", () => {
  const bent = (input: Tensor): Tensor => ops.mul(input, ops.tanh(input));
  const halves = (shape: readonly number[]): number[] => new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(0.5);
  const distance = (target: Tensor, output: Tensor): Tensor => ops.abs(ops.sub(output, target));
  const made = (): Model =>
    sequential([
      layers.input([2]),
      layers.dense(2, { activation: bent, kernelInitializer: halves }),
      new Scale({ factor: 3 }),
      layers.dense(1, { activation: (input: Tensor) => ops.mul(input, 2) }),
    ]).compile({ loss: distance, metrics: [distance] });
  const doubled = (input: Tensor): Tensor => ops.mul(input, 2);

  it('come back through custom, also for the next save', async () => {
    const before = made();
    await before.save(path);
    const custom = { bent, halves, distance, scale: Scale, activation: doubled };
    const after = await load(path, { custom });
    const data = NdArray.from([[1, -2]]);
    expect(bitsOf(await after.predict(data))).toBe(bitsOf(await before.predict(data)));
    expect(await after.evaluate(data, NdArray.from([[1]]))).toEqual(await before.evaluate(data, NdArray.from([[1]])));
    await after.save(path);
    expect(toConfig(await load(path, { custom }))).toEqual(toConfig(before));
  });

  it('may be given for one place, and layers by a function', async () => {
    await made().save(path);
    const scale = (options: { factor: number; name: string }) => new Scale(options);
    const after = await load(path, { custom: { bent, halves, distance, scale, 'dense_2/activation': doubled } });
    expect(after.layer('scale_1').config()).toEqual({ factor: 3 });
  });

  it('are named, all of them, where they are missing', async () => {
    await made().save(path);
    const failure = await load(path, { custom: { halves } }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FileError);
    const { message } = failure as FileError;
    for (const part of [
      path,
      "'bent' (dense_1/activation)",
      "'scale' (layer scale_1)",
      "'distance'",
      "'activation' (dense_2/activation)",
      'custom: {',
    ])
      expect(message).toContain(part);
    expect(message).not.toContain('halves');
  });

  it('that have no name of their own are told apart by their places', async () => {
    const input = layers.input([2]);
    const twice = layers.dense(2, { activation: (z: Tensor) => ops.mul(z, 2) }).apply(layers.lambda((z) => ops.add(z as Tensor, 1)).apply(input));
    const before = model({
      inputs: input,
      outputs: layers.lambda((z) => ops.neg(z as Tensor)).apply(layers.dense(2, { activation: (z: Tensor) => ops.abs(z) }).apply(twice)),
    });
    await before.save(path);
    const some = (z: Tensor): Tensor => z;
    await expect(load(path, { custom: { custom: some, activation: some } })).rejects.toThrow(
      /'custom' \(lambda_1\/function, lambda_2\/function\), 'activation' \(dense_1\/activation, dense_2\/activation\)\. Pass them as an option: \{ custom: \{ 'lambda_1\/function': …,/,
    );
    // What is asked for is what is missing still, by place though it be one.
    await expect(
      load(path, { custom: { activation: some, 'dense_1/activation': some, 'dense_2/activation': some, 'lambda_1/function': some } }),
    ).rejects.toThrow("'custom' (lambda_2/function). Pass them as an option: { custom: { 'lambda_2/function': … } }");
    const custom = {
      'lambda_1/function': (z: Tensor) => ops.add(z, 1),
      'lambda_2/function': (z: Tensor) => ops.neg(z),
      'dense_1/activation': (z: Tensor) => ops.mul(z, 2),
      'dense_2/activation': (z: Tensor) => ops.abs(z),
    };
    const data = NdArray.from([[1, -2]]);
    expect(bitsOf(await (await load(path, { custom })).predict(data))).toBe(bitsOf(await before.predict(data)));
  });

  it('are not told apart from each other where they are one class, whatever it is called', async () => {
    class Custom extends Scale {
      override readonly kind = 'custom' as never;
    }
    const before = sequential([layers.input([2]), new Custom({ factor: 2 }), new Custom({ factor: 3 })]);
    await before.save(path);
    await expect(load(path)).rejects.toThrow("'custom' (layer custom_1, layer custom_2). Pass them as an option: { custom: { custom } }");
    const data = NdArray.from([[1, -2]]);
    expect(bitsOf(await (await load(path, { custom: { custom: Custom } })).predict(data))).toBe(bitsOf(await before.predict(data)));
  });

  it('come back inside of other layers, by their places too, with their names', async () => {
    const minus = (z: Tensor): Tensor => ops.sub(z, 1);
    const plus = (z: Tensor): Tensor => ops.add(z, 1);
    class Softmax extends Scale {
      override readonly kind = 'softmax' as never;
    }
    const inner = (activation: (z: Tensor) => Tensor): Layer => layers.dense(2, { activation, name: 'inner' });
    const before = sequential([
      layers.input([3, 2]),
      layers.timeDistributed(inner(minus), { name: 't1' }),
      layers.timeDistributed(inner(plus), { name: 't2' }),
      layers.timeDistributed(new Softmax({ factor: 2 }), { name: 't3' }),
    ]);
    await before.save(path);
    await expect(load(path, { custom: { minus, plus } })).rejects.toThrow(/'softmax' \(t3\/layer\)/);
    const data = NdArray.from([[[1, -2], [0, 3], [2, 2]]]); // biome-ignore format: one row
    for (const custom of [
      { minus, plus, softmax: Softmax },
      { 't1/layer/activation': minus, 't2/layer/activation': plus, 't3/layer': Softmax },
    ]) {
      const after = await load(path, { custom });
      expect(bitsOf(await after.predict(data))).toBe(bitsOf(await before.predict(data)));
      expect(toConfig(after)).toEqual(toConfig(before));
      expect(after.layer('t1').inside[0]?.name).toBe('inner');
    }
  });

  it("are not taken for the table's where they have one of its names", async () => {
    const relu = (input: Tensor): Tensor => ops.neg(input);
    const before = sequential([layers.input([1]), layers.dense(1, { activation: relu, kernelInitializer: 'ones' })]);
    await before.save(path);
    await expect(load(path)).rejects.toThrow(/'relu' \(dense_1\/activation\)/);
    expect((await (await load(path, { custom: { relu } })).predict(NdArray.from([[2]]))).at(0)).toBe(-2);
  });

  it("are not taken for the table's of one name beside them", async () => {
    const relu = (input: Tensor): Tensor => ops.neg(input);
    const before = sequential([
      layers.input([1]),
      layers.dense(1, { activation: relu, kernelInitializer: 'ones' }),
      layers.dense(1, { activation: 'relu', kernelInitializer: 'ones' }),
    ]);
    await before.save(path);
    const after = await load(path, { custom: { relu } });
    expect(toConfig(after)).toEqual(toConfig(before));
    expect((await after.predict(NdArray.from([[2], [-2]]))).toNested()).toEqual([[0], [2]]);
    const described = { layers: [{ kind: 'input', shape: [1] }, { kind: 'dense', units: 1, activation: { name: 'mine' }, kernelInitializer: 'ones' }] }; // biome-ignore format: as it is written
    expect((await fromConfig(described, { custom: { mine: relu } }).predict(NdArray.from([[2]]))).at(0)).toBe(-2);
  });

  it('are refused in a config that JSON cannot hold', async () => {
    class Odd extends Scale {
      override config() {
        return { factor: this.factor, apply: () => 1 };
      }
    }
    const odd = sequential([layers.input([1]), new Odd()]);
    await expect(odd.save(path)).rejects.toThrow(/layers\[1\]\.config\.apply is function apply/);
    expect(await node.readdir(folder)).toEqual([]);
  });
});

describe('a file that is not as it should be', () => {
  const small = () => sequential([layers.input([3]), layers.dense(2)], { seed: 1 }).compile({ loss: 'mse', optimizer: 'adam' });

  /** The small model's file with its parts changed. */
  async function altered(
    change: (parts: { tensors: Record<string, NdArray>; metadata: Record<string, string>; config: Record<string, unknown> }) => void,
  ) {
    await small().save(path);
    const { tensors, metadata } = decodeSafetensors(await node.readFile(path));
    const config = JSON.parse(metadata.model ?? '') as Record<string, unknown>;
    const parts = { tensors: { ...tensors }, metadata: { ...metadata }, config };
    const description = metadata.model;
    change(parts);
    if (parts.metadata.model === description) parts.metadata.model = JSON.stringify(parts.config);
    await node.writeFile(path, encodeSafetensors(parts.tensors, parts.metadata));
    const failure = await load(path).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FileError);
    expect((failure as FileError).message).toContain(path);
    return (failure as FileError).message;
  }

  it('is saved under no name that is another kind of file', async () => {
    await expect(small().save(path.replace('.safetensors', '.png'))).rejects.toThrow(/saved as \.safetensors, but '.*\.png'/);
  });

  it('is refused wherever it is cut off', async () => {
    await small().save(path);
    const whole = await node.readFile(path);
    for (let length = 0; length < whole.length; length += 41) {
      await node.writeFile(path, whole.subarray(0, length));
      await expect(load(path), `${length} bytes`).rejects.toThrow(FileError);
    }
  });

  it('never makes anything but a FileError of flipped bytes', async () => {
    await small().save(path);
    const whole = await node.readFile(path);
    const header = Number(whole.readBigUInt64LE(0));
    for (let at = 0; at < header + 8; at += 23) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 0x15;
      await node.writeFile(path, bytes);
      const failure = await load(path).catch((error: unknown) => error);
      if (failure instanceof Error) expect(failure, `byte ${at}: ${failure.stack}`).toBeInstanceOf(FileError);
    }
  });

  it('is missing, of no model, or of another version', async () => {
    await expect(load(join(folder, 'none.safetensors'))).rejects.toThrow(/cannot read .*none\.safetensors/);
    await node.writeFile(path, encodeSafetensors({ w: NdArray.from([1]) }, { format: 'pt' }));
    await expect(load(path)).rejects.toThrow(/not a model saved by Evenkeel/);
    expect(await altered(({ config }) => Object.assign(config, { version: 2 }))).toMatch(/format version 2, but this release reads version 1/);
    expect(await altered(({ metadata }) => Object.assign(metadata, { model: '{"layers": [' }))).toMatch(/not JSON/);
  });

  it('has arrays that do not fit', async () => {
    const kernel = 'dense_1/kernel';
    expect(await altered(({ tensors }) => Object.assign(tensors, { [kernel]: NdArray.zeros([3, 3]) }))).toMatch(
      /dense_1\/kernel.*\[3, 3\].*\[3, 2\]/,
    );
    expect(await altered(({ tensors }) => Object.assign(tensors, { [kernel]: NdArray.zeros([3, 2], 'int32') }))).toMatch(/int32/);
    expect(await altered(({ tensors }) => delete tensors[`${kernel}/m`])).toMatch(/'dense_1\/kernel\/m' is missing/);
    expect(await altered(({ tensors }) => Object.assign(tensors, { extra: NdArray.zeros([1]) }))).toMatch(/'extra'/);
  });

  it('describes no model', async () => {
    const layer = (config: Record<string, unknown>, i: number) => (config.layers as Record<string, unknown>[])[i] ?? {};
    expect(await altered(({ config }) => Object.assign(layer(config, 1), { kind: 'densse' }))).toMatch(
      /unknown layer 'densse'; did you mean 'dense'/,
    );
    expect(await altered(({ config }) => Object.assign(config, { calls: 7 }))).toMatch(/'calls' of a model's description must be a list/);
    expect(await altered(({ config }) => Object.assign(config, { outputs: [5] }))).toMatch(/outputs: expected a whole number from 0 to 1/);
    expect(await altered(({ config }) => Object.assign(config, { calls: [{ layer: 1, inputs: [0] }] }))).toMatch(/call 0/);
    expect(await altered(({ config }) => Object.assign(config, { layers: null }))).toMatch(/'layers' of a model's description must be a list/);
    expect(await altered(({ config }) => Object.assign(config, { seed: 'x' }))).toMatch(/seed/);
    expect(await altered(({ config }) => Object.assign(layer(config, 0), { config: { shape: 'x' } }))).toMatch(/shape/);
  });

  it('claims more memory than there is, which is never asked for', async () => {
    const wide = (units: number) => (parts: { config: Record<string, unknown> }) => {
      const [, dense] = parts.config.layers as { config: { units: number } }[];
      if (dense) dense.config.units = units;
    };
    const began = performance.now();
    expect(await altered(wide(700_000_000))).toMatch(/dense_1/);
    expect(await altered(wide(2 ** 52))).toMatch(/dense_1/);
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it('cannot reach the prototype', async () => {
    await altered(({ metadata }) => {
      metadata.model = (metadata.model ?? '').replace(
        '"config":{',
        '"config":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},',
      );
    });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('saving', () => {
  it('leaves the previous file whole where the disk is full', async () => {
    const first = stateful().compile(adam);
    await first.save(path);
    const before = await node.readFile(path);
    const full = {
      ...node,
      open: async (name: string, flags: string) => {
        const handle = await node.open(name, flags);
        return {
          write: async (data: Uint8Array, offset: number, length: number) => {
            await handle.write(data, offset, length >> 1);
            throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
          },
          sync: () => handle.sync(),
          close: () => handle.close(),
        };
      },
    };
    const failure = await first.save(path, { fs: full }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FileError);
    expect((failure as FileError).message).toMatch(/disk is full/);
    expect(await node.readFile(path)).toEqual(before);
    expect(await node.readdir(folder)).toEqual(['model.safetensors']);
    await first.predict(x);
  });

  it('is not torn by a process that is killed while it saves', { timeout: 120_000 }, async () => {
    const script = `
      import { layers, NdArray, sequential } from 'evenkeel';
      const made = sequential([layers.input([200]), layers.dense(200, { useBias: false }), layers.dense(200, { useBias: false })]);
      for (let round = 1; ; round++) {
        await made.setWeights(made.variables.map(({ shape }) => { const a = NdArray.zeros(shape); a.data.fill(round); return a; }));
        await made.save(${JSON.stringify(path)});
        if (round === 1) process.stdout.write('saved');
      }`;
    let furthest = 0;
    for (let kill = 0; kill < 8; kill++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      await new Promise((resolve) => setTimeout(resolve, 3 + 7 * kill));
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      const [first, second] = await (await load(path)).getWeights();
      const round = first?.at(0) ?? 0;
      expect(round).toBeGreaterThanOrEqual(1);
      expect(first?.data.every((value) => value === round)).toBe(true);
      expect(second?.data.every((value) => value === round)).toBe(true);
      furthest = Math.max(furthest, round);
    }
    expect(furthest).toBeGreaterThan(1);
  });
});

describe('descriptions', () => {
  it('are written by hand', async () => {
    const described = {
      name: 'by hand',
      seed: 9,
      layers: [
        { kind: 'input', shape: [28, 28], dtype: 'uint8' },
        { kind: 'flatten' },
        { kind: 'dense', units: 12, activation: { name: 'leakyRelu', slope: 0.2 }, kernelInitializer: 'he_normal', name: 'hidden', trainable: false },
        { kind: 'dropout', rate: 0.5 },
        { kind: 'activation', activation: 'tanh' },
        { kind: 'dense', units: 10, activation: 'softmax' },
      ],
      compile: {
        optimizer: { name: 'adam', learningRate: 0.01 },
        loss: { name: 'categoricalCrossentropy', config: { labelSmoothing: 0.1 } },
        metrics: ['accuracy', 'mse'],
      },
    };
    const built = fromConfig(described);
    const twin = sequential(
      [
        layers.input([28, 28], { dtype: 'uint8' }),
        layers.flatten(),
        layers.dense(12, {
          activation: activations.leakyRelu({ slope: 0.2 }),
          kernelInitializer: 'heNormal',
          name: 'hidden',
          trainable: false,
        }),
        layers.dropout(0.5),
        layers.activation('tanh'),
        layers.dense(10, { activation: 'softmax' }),
      ],
      { seed: 9, name: 'by hand' },
    );
    expect(built.summary()).toBe(twin.summary());
    expect((await built.getWeights()).map(bitsOf)).toEqual((await twin.getWeights()).map(bitsOf));
    expect(built.compiled.optimizer.learningRate).toBe(0.01);
    expect(built.compiled.losses[0]?.config).toMatchObject({ labelSmoothing: 0.1 });
    expect(built.compiled.metrics[0]?.map(({ name }) => name)).toEqual(['accuracy', 'meanSquaredError']);
    expect(fromConfig(described, { seed: 10 }).seed).toBe(10);
  });

  it('say which call has no inputs', () => {
    const config = toConfig(sequential([layers.input([4]), layers.flatten(), layers.dense(2)]));
    const calls = config.calls.map((call, i) => (i === 1 ? { ...call, inputs: [] } : call));
    expect(() => fromConfig({ ...config, calls })).toThrow(ArgumentError);
    expect(() => fromConfig({ ...config, calls })).toThrow("call 1 of the description gives 'flatten_1' no inputs; name the calls");
  });

  it('survive JSON', () => {
    const config = toConfig(stateful().compile(adam));
    expect(JSON.parse(JSON.stringify(config))).toEqual(config);
    expect(toConfig(fromConfig(JSON.parse(JSON.stringify(config))))).toEqual(config);
  });

  it.each<[string, unknown, RegExp]>([
    ['nothing', null, /must be an object, got null/],
    ['no layers', {}, /'layers' of a model's description must be a list, got undefined/],
    ['a misspelt part', { layrs: [] }, /no entry 'layrs'; did you mean 'layers'/],
    ['no input', { layers: [{ kind: 'dense', units: 1 }, { kind: 'flatten' }] }, /start with .*"input"/],
    ['no kind', { layers: [{ shape: [1] }] }, /layer 0 needs a kind/],
    [
      'an unknown kind',
      {
        layers: [
          { kind: 'input', shape: [1] },
          { kind: 'dens', units: 1 },
        ],
      },
      /unknown layer 'dens'; did you mean 'dense'/,
    ],
    [
      'a wrong option',
      {
        layers: [
          { kind: 'input', shape: [1] },
          { kind: 'dense', units: 1, activaton: 'relu' },
        ],
      },
      /'activaton'; did you mean 'activation'/,
    ],
    [
      'a wrong name',
      {
        layers: [
          { kind: 'input', shape: [1] },
          { kind: 'dense', units: 1, activation: 'relo' },
        ],
      },
      /'relo'; did you mean 'relu'/,
    ],
    [
      'a wrong loss',
      {
        layers: [
          { kind: 'input', shape: [1] },
          { kind: 'dense', units: 1 },
        ],
        compile: { loss: 'msee' },
      },
      /loss 'msee'/,
    ],
    [
      'a wrong compile option',
      {
        layers: [
          { kind: 'input', shape: [1] },
          { kind: 'dense', units: 1 },
        ],
        compile: { loss: 'mse', metric: [] },
      },
      /'metric'; did you mean 'metrics'/,
    ],
  ])('with %s are refused', (_, config, message) => {
    expect(() => fromConfig(config)).toThrow(message);
  });
});

describe('arrays that are set', () => {
  const net = (): Model => sequential([layers.input([2]), layers.dense(3), layers.dense(1)], { seed: 4 });
  const kernel = new NdArray(new Float32Array(6).fill(7), [2, 3]);

  it('are all set or none, also where nothing was drawn before', async () => {
    const drawn = (await net().getWeights()).map((array) => array.toNested());
    const given = net();
    const [, ...others] = await net().getWeights();
    await expect(given.setWeights([kernel, ...others.slice(0, 2), new NdArray(new Float32Array(2))])).rejects.toThrow(/shape/);
    await expect(
      given.setState(
        new Map([
          ['dense_1/kernel', kernel],
          ['dense_9/kernel', kernel],
        ]),
      ),
    ).rejects.toThrow(/dense_9/);
    expect((await given.getWeights()).map((array) => array.toNested())).toEqual(drawn);
  });

  it('are not drawn before, and leave the others as they are drawn', async () => {
    const drawn: string[] = [];
    const counting = (name: string) => ({
      name,
      config: {},
      sample(shape: readonly number[]) {
        drawn.push(name);
        return new Float64Array(shape.reduce((a, b) => a * b, 1));
      },
    });
    const made = sequential([
      layers.input([2]),
      layers.dense(3, { kernelInitializer: counting('first') }),
      layers.dense(1, { kernelInitializer: counting('second') }),
    ]);
    await made.setState(new Map([['dense_1/kernel', kernel]]));
    expect(drawn).toEqual(['second']);
    expect((await made.getWeights())[0]?.toNested()).toEqual(kernel.toNested());
  });
});
