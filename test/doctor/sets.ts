import { datasets } from 'evenkeel';

const { train } = await datasets.load('glyphs');

/** Pictures of digits: 6,400 rows. */
export const glyphSet = { ...train, x: train.x.slice(0, 6400), y: train.y.slice(0, 6400) };
