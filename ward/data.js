// @ts-check
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { datasets, NdArray, Random, readCsv, splitDataset, synthetic } from 'evenkeel';

/** Rows to train on: every training of the ward sees these, in an order that its own seed draws. */
export const ROWS = 2048;
const VALIDATION = 512;
const TEST = 2000;

/**
 * @typedef {{ readonly x: NdArray, readonly y: NdArray }} Part
 * @typedef {object} WardSet
 * @property {string} name
 * @property {'classes' | 'numbers'} task
 * @property {boolean} pixels features that share one scale
 * @property {number} classes 1 where targets are numbers
 * @property {number} features
 * @property {readonly [number, number]} [grid] rows of pixels, or steps with their features
 * @property {number} chance share of the training rows' most frequent class; 0 for numbers
 * @property {Part} train
 * @property {Part} validation
 * @property {Part} test
 * @typedef {'standard' | 'unit' | 'raw'} Scale
 */

/**
 * @typedef {object} Source
 * @property {'classes' | 'numbers'} task
 * @property {boolean} pixels
 * @property {readonly string[]} needs file below EVENKEEL_DATA, in parts; empty where the set is drawn
 * @property {(file: string) => Promise<Part>} load
 * @property {readonly [steps: number, features: number]} [grid] how its features are laid out, where they lie in rows and columns or follow one another
 * @property {(value: number) => number} [asRaw] features in the unit that people meet them in, where the set itself comes scaled
 */

/** @param {string} folder @param {string} file @param {number} [target] @returns {Source} */
const table = (folder, file, target = -1) => ({
  task: 'classes',
  pixels: false,
  needs: ['uci', folder, 'raw', file],
  load: async (path) => readCsv(readFileSync(path), { target, header: false, name: folder }),
});

/** @param {string} name @param {readonly string[]} needs @param {Pick<Source, 'task' | 'pixels' | 'grid'>} about @returns {Source} */
const known = (name, needs, about) => ({ ...about, needs, load: async () => (await datasets.load(name)).train });
const images = { task: /** @type {const} */ ('classes'), pixels: true, grid: /** @type {const} */ ([28, 28]) };

/** Where each set comes from. @type {Readonly<Record<string, Source>>} */
export const sources = {
  glyphs: known('glyphs', [], images),
  mnist: known('mnist', ['mnist', 'train-images-idx3-ubyte.gz'], images),
  'fashion-mnist': known('fashion-mnist', ['fashion-mnist', 'train-images-idx3-ubyte.gz'], images),
  pendigits: { ...table('pendigits', 'pendigits.tra'), grid: [8, 2] },
  optical: { ...table('optical', 'optdigits.tra'), grid: [8, 8] },
  letter: table('letter', 'letter-recognition.data', 0),
  landsat: table('statlog-landsat', 'sat.trn'),
  spirals: {
    task: 'classes',
    pixels: false,
    needs: [],
    load: async () => synthetic.spirals({ rows: 5000, classes: 3, turns: 0.75, noise: 0.03, seed: 5 }),
    asRaw: (value) => 300 + 100 * value,
  },
  'california-housing': known('california-housing', ['california-housing', 'housing.csv'], { task: 'numbers', pixels: false }),
};

/** Pictures of which each is turned along its diagonal: a sequence of their rows tells another story. @param {Part} part @returns {Part} */
function turned({ x, y }) {
  const [rows = 0, height = 0, width = 0] = x.shape;
  const turnedX = NdArray.zeros([rows, width, height], x.dtype);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) turnedX.set((row * width + j) * height + i, x.at((row * height + i) * width + j));
    }
  }
  return { x: turnedX, y };
}

/** Sets that the ward does not draw, for a look at what it says of others. Grids of tables are as arbitrary as the order of their columns. @type {Readonly<Record<string, Source>>} */
export const otherSources = {
  magic: table('magic', 'magic04.data'),
  ringnorm: { ...table('ringnorm', 'Dataset.data'), grid: [5, 4] },
  spambase: table('spambase', 'spambase.data'),
  waveform: { ...table('waveform', 'waveform.data'), grid: [7, 3] },
  'king-rook': table('chess-krvkp', 'kr-vs-kp.data'),
  abalone: { ...table('abalone', 'abalone.csv'), task: 'numbers' },
  'fashion-columns': {
    ...images,
    needs: ['fashion-mnist', 'train-images-idx3-ubyte.gz'],
    load: async () => {
      const { x, y } = (await datasets.load('fashion-mnist')).train;
      return turned({ x: x.slice(0, 8000), y: y.slice(0, 8000) });
    },
  },
};

/** Names of the sets whose files are not there. @param {NodeJS.ProcessEnv} env @param {Readonly<Record<string, Source>>} [table] */
export function missingSets(env, table = sources) {
  return Object.entries(table).flatMap(([name, { needs }]) => {
    if (needs.length === 0) return [];
    return env.EVENKEEL_DATA !== undefined && existsSync(join(env.EVENKEEL_DATA, ...needs)) ? [] : [name];
  });
}

/** Reads sets once each, and scales them as asked. */
export class Sets {
  /** @type {Map<string, Promise<Part>>} */
  #whole = new Map();
  /** @type {Map<string, Promise<WardSet>>} */
  #scaled = new Map();
  /** @type {NodeJS.ProcessEnv} */
  #env;

  /** @param {NodeJS.ProcessEnv} env */
  constructor(env) {
    this.#env = env;
  }

  /** @param {string} name @param {Scale} scale @returns {Promise<WardSet>} */
  get(name, scale) {
    const key = `${name} ${scale}`;
    const made = this.#scaled.get(key) ?? this.#make(name, scale);
    this.#scaled.set(key, made);
    return made;
  }

  /** @param {string} name @param {Scale} scale @returns {Promise<WardSet>} */
  async #make(name, scale) {
    const source = sources[name] ?? otherSources[name];
    if (!source) throw new Error(`the ward has no data set '${name}'; it has ${Object.keys({ ...sources, ...otherSources }).join(', ')}`);
    const whole = this.#whole.get(name) ?? source.load(join(this.#env.EVENKEEL_DATA ?? '', ...source.needs));
    this.#whole.set(name, whole);
    const { x, y } = await whole;
    return prepare(name, source, { x: x.reshape([x.shape[0] ?? 0, x.size / (x.shape[0] ?? 1)]), y }, scale);
  }
}

/** @param {string} name @param {Source} source @param {Part} whole @param {Scale} scale @returns {WardSet} */
function prepare(name, { task, pixels, grid, asRaw }, whole, scale) {
  const rows = whole.x.shape[0] ?? 0;
  const rest = rows - ROWS - VALIDATION;
  const test = Math.min(TEST, rest);
  const labelled = task === 'classes';
  const parts = splitDataset(whole, { test: test / rows, validation: VALIDATION / rows, stratify: labelled, seed: 0 });
  if (!parts.validation) throw new Error(`${name}: no rows are left for validation`);
  const seen = { x: parts.train.x.slice(0, ROWS), y: parts.train.y.slice(0, ROWS) };
  const scaleX = scaler(seen.x, scale, pixels, asRaw);
  const scaleY = labelled ? (/** @type {NdArray} */ targets) => targets : scaler(seen.y, 'standard', false);
  const part = (/** @type {Part} */ { x, y }) => ({ x: scaleX(x), y: scaleY(y) });
  const classes = labelled ? 1 + Array.from(whole.y.data, Number).reduce((a, b) => Math.max(a, b)) : 1;
  return {
    name,
    task,
    pixels,
    classes,
    features: whole.x.shape[1] ?? 1,
    ...(grid ? { grid } : {}),
    chance: labelled ? largestShare(seen.y) : 0,
    train: part(seen),
    validation: part(parts.validation),
    test: part(parts.test),
  };
}

/** Moments are those of the training rows. @param {NdArray} seen @param {Scale} scale @param {boolean} pixels @param {(value: number) => number} [asRaw] */
function scaler(seen, scale, pixels, asRaw = (value) => value) {
  const width = seen.size / (seen.shape[0] ?? 1);
  const columns = pixels ? 1 : width;
  const [shift, factor] = [new Float64Array(columns), new Float64Array(columns).fill(1)];
  for (let column = 0; scale !== 'raw' && column < columns; column++) {
    const values = [];
    for (let i = column; i < seen.size; i += columns) values.push(seen.at(i));
    const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    shift[column] = scale === 'unit' ? low : mean;
    // A feature that never varies keeps its scale.
    factor[column] = (scale === 'unit' ? high - low : deviation) || 1;
  }
  return (/** @type {NdArray} */ array) => {
    const scaled = new Float32Array(array.size);
    for (let i = 0; i < scaled.length; i++) {
      const value = array.at(i);
      scaled[i] = scale === 'raw' ? asRaw(value) : (value - (shift[i % columns] ?? 0)) / (factor[i % columns] ?? 1);
    }
    return new NdArray(scaled, array.shape);
  };
}

/** Share of the most frequent label. @param {NdArray} labels */
function largestShare(labels) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (let i = 0; i < labels.size; i++) counts.set(labels.at(i), (counts.get(labels.at(i)) ?? 0) + 1);
  return Math.max(...counts.values()) / labels.size;
}

/** Some rows, drawn by a seed. @param {Part} part @param {number} count @param {number} seed @returns {Part} */
export function someRows({ x, y }, count, seed) {
  const rows = x.shape[0] ?? 0;
  const chosen = new Random(seed).stream('rows').permutation(rows).subarray(0, Math.min(count, rows));
  const take = (/** @type {NdArray} */ array) => {
    const width = array.size / rows;
    const taken = NdArray.zeros([chosen.length, ...array.shape.slice(1)], array.dtype);
    chosen.forEach((row, i) => {
      for (let k = 0; k < width; k++) taken.set(i * width + k, array.at(row * width + k));
    });
    return taken;
  };
  return { x: take(x), y: take(y) };
}
