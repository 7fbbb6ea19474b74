import { type Dataset, datasets, NdArray, Random } from 'evenkeel';

const { train } = await datasets.load('glyphs');

/** Pictures of digits: 6,400 rows. */
export const glyphSet = { ...train, x: train.x.slice(0, 6400), y: train.y.slice(0, 6400) };

/** A smooth function of six features, brought to a deviation and a mean: 512 rows. */
export function numberSet(deviation = 1, mean = 0): Dataset {
  const random = new Random(11);
  const features = Float32Array.from({ length: 512 * 6 }, () => random.normal(0, 1));
  const wanted = Array.from({ length: 512 }, (_, row) => {
    const [a = 0, b = 0, c = 0, d = 0] = features.subarray(row * 6, row * 6 + 4);
    return Math.sin(2 * a) + 0.7 * b + 0.5 * c * d;
  });
  const middle = wanted.reduce((sum, one) => sum + one, 0) / wanted.length;
  const size = Math.sqrt(wanted.reduce((sum, one) => sum + (one - middle) ** 2, 0) / wanted.length);
  const y = Float32Array.from(wanted, (one) => mean + (deviation * (one - middle)) / size);
  return { x: new NdArray(features, [512, 6]), y: new NdArray(y, [512, 1]) };
}
