import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AbortError, ArgumentError, DataError, FileError } from '#src/core/errors.js';
import { datasets } from '#src/data/datasets.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const idx = (shape: number[], data: number[]): Uint8Array =>
  Uint8Array.from([0, 0, 8, shape.length, ...shape.flatMap((n) => [0, 0, n >> 8, n & 255]), ...data]);
const images = (rows: number) => idx([rows, 28, 28], new Array<number>(rows * 784).fill(9));
const files = ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'] as const;
const offline: typeof fetch = () => Promise.reject(new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND host') }));
const never: typeof fetch = () => {
  throw new Error('the network was asked');
};

async function place(root: string, labels: number[] = [3, 0]): Promise<void> {
  await mkdir(join(root, 'mnist'), { recursive: true });
  const contents = [images(2), idx([labels.length], labels), images(1), idx([1], [9])];
  for (const [i, file] of files.entries()) {
    const content = contents[i] ?? new Uint8Array();
    // One part packed, the other plain: both are found.
    if (i % 2) await writeFile(join(root, 'mnist', file), content);
    else await writeFile(join(root, 'mnist', `${file}.gz`), gzipSync(content));
  }
}

describe('datasets.load', () => {
  it('lists its sets and suggests a name', async () => {
    expect(datasets.names).toEqual(['glyphs', 'mnist', 'fashion-mnist', 'california-housing']);
    await expect(datasets.load('fashon-mnist')).rejects.toThrow(/unknown dataset 'fashon-mnist'; did you mean 'fashion-mnist'/);
    await expect(datasets.load('fashon-mnist')).rejects.toThrow(ArgumentError);
  });

  it('draws glyphs without looking anywhere', async () => {
    const { train, test } = await datasets.load('glyphs', { fetch: never, folder: '/nowhere', cache: '/nowhere' });
    expect([train.x.shape, test.x.shape]).toEqual([
      [12_000, 28, 28],
      [2_000, 28, 28],
    ]);
  });

  it('reads the data folder first, then the cache', async () => {
    await place(join(folder, 'data'));
    await place(join(folder, 'cache'), [5, 6]);
    const first = await datasets.load('mnist', { folder: join(folder, 'data'), cache: join(folder, 'cache'), fetch: never });
    expect([first.train.x.shape, first.train.y.dtype, [...first.train.y.data]]).toEqual([[2, 28, 28], 'int32', [3, 0]]);
    const second = await datasets.load('mnist', { folder: join(folder, 'none'), cache: join(folder, 'cache'), fetch: never });
    expect([...second.train.y.data]).toEqual([5, 6]);
  });

  it('without a network names the places it looked at and what to do', async () => {
    const load = datasets.load('mnist', { folder: join(folder, 'data'), cache: join(folder, 'cache'), fetch: offline });
    await expect(load).rejects.toThrow(FileError);
    const message = await load.catch((error: Error) => error.message);
    for (const part of [join(folder, 'data'), join(folder, 'cache'), 'https://', 'ENOTFOUND', 'EVENKEEL_DATA', 'train-images-idx3-ubyte.gz']) {
      expect(message).toContain(part);
    }
  });

  it('refuses a server error, a wrong checksum and an endless answer, and caches nothing', async () => {
    const options = { folder: join(folder, 'data'), cache: join(folder, 'cache') };
    await expect(datasets.load('mnist', { ...options, fetch: async () => new Response('', { status: 404 }) })).rejects.toThrow(
      /the server answered 404/,
    );
    await expect(datasets.load('mnist', { ...options, fetch: async () => new Response(gzipSync(images(1))) })).rejects.toThrow(
      /SHA-256 [0-9a-f]{64}, expected ba89/,
    );
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(2 ** 22)) });
    await expect(datasets.load('mnist', { ...options, fetch: async () => new Response(endless) })).rejects.toThrow(/more than 67108864 bytes/);
    expect(existsSync(join(folder, 'cache'))).toBe(false);
  });

  it('stops on a signal, before and during a download', async () => {
    const options = { folder: join(folder, 'data'), cache: join(folder, 'cache') };
    await expect(datasets.load('mnist', { ...options, signal: AbortSignal.abort(), fetch: never })).rejects.toThrow(AbortError);
    const controller = new AbortController();
    const hanging: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
        setTimeout(() => controller.abort(), 5);
      });
    await expect(datasets.load('mnist', { ...options, signal: controller.signal, fetch: hanging })).rejects.toThrow(AbortError);
  });

  it('refuses broken files: cut, of unequal rows, labels out of range', async () => {
    const load = () => datasets.load('mnist', { folder, cache: join(folder, 'cache'), fetch: never });
    await place(folder, [3, 10]);
    await expect(load()).rejects.toThrow(/label 10 in row 1 of train-labels/);
    await place(folder, [3]);
    await expect(load()).rejects.toThrow(DataError);
    await writeFile(join(folder, 'mnist', files[1]), idx([2], [1]));
    await expect(load()).rejects.toThrow(/train-labels-idx1-ubyte: .*truncated/);
  });

  const shared = process.env.EVENKEEL_DATA ?? '../shared/data';
  const there = existsSync(join(shared, 'mnist')) && existsSync(join(shared, 'fashion-mnist'));
  if (!there) console.info(`skipped: the real image sets (no ${shared})`);
  describe.skipIf(!there)('with the real sets', () => {
    it('loads Fashion-MNIST', async () => {
      const { train, test } = await datasets.load('fashion-mnist', { folder: shared, fetch: never });
      expect([train.x.shape, test.x.shape]).toEqual([
        [60_000, 28, 28],
        [10_000, 28, 28],
      ]);
      expect([train.classNames?.[9], train.y.at(0)]).toEqual(['Ankle boot', 9]);
      // The published mean of all pixels, scaled to 0..1.
      let sum = 0;
      for (let i = 0; i < train.x.size; i++) sum += Number(train.x.data[i]);
      expect(sum / train.x.size / 255).toBeCloseTo(0.286, 4);
      const counts = new Array<number>(10).fill(0);
      for (let i = 0; i < train.y.size; i++) counts[train.y.at(i)] = (counts[train.y.at(i)] ?? 0) + 1;
      expect(counts).toEqual(new Array(10).fill(6000));
    });

    it('loads California housing from its raw table', async () => {
      const { train, test } = await datasets.load('california-housing', { folder: shared, fetch: never });
      expect([train.x.shape, train.y.shape, test.x.shape, test.y.shape]).toEqual([
        [16512, 14],
        [16512, 1],
        [4128, 14],
        [4128, 1],
      ]);
      expect(train.featureNames?.slice(-2)).toEqual(['ocean_proximity=NEAR BAY', 'ocean_proximity=NEAR OCEAN']);
      const prices = Array.from({ length: 4128 }, (_, row) => test.y.at(row));
      expect(Math.max(...prices)).toBe(500001);
    });

    it('downloads, checks and keeps MNIST, and finds it again without a network', async () => {
      const asked: string[] = [];
      const server: typeof fetch = async (url) => {
        asked.push(String(url));
        return new Response(await readFile(join(shared, 'mnist', String(url).split('/').at(-1) ?? '')));
      };
      const options = { folder: join(folder, 'none'), cache: join(folder, 'cache') };
      const fresh = await datasets.load('mnist', { ...options, fetch: server });
      expect(asked.map((url) => url.slice(url.lastIndexOf('/') + 1))).toEqual(files.map((file) => `${file}.gz`));
      expect((await readdir(join(folder, 'cache/mnist'))).sort()).toEqual(files.map((file) => `${file}.gz`).sort());
      const kept = await datasets.load('mnist', { ...options, fetch: never });
      expect(kept.test.y.data).toEqual(fresh.test.y.data);
      expect([...kept.train.y.slice(0, 5).data]).toEqual([5, 0, 4, 1, 9]);
    });
  });
});
