/** A dense network trained by hand in plain float64: an oracle that shares nothing with the library. */

export type Matrix = number[][];

export interface DenseLayer {
  kernel: Matrix;
  bias: number[];
  readonly activation: 'tanh' | 'relu' | 'softmax';
}

export interface Rule {
  readonly learningRate: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
}

const product = (a: Matrix, b: Matrix): Matrix => {
  const width = b[0]?.length ?? 0;
  return a.map((row) => Array.from({ length: width }, (_, j) => row.reduce((sum, value, k) => sum + value * (b[k]?.[j] ?? 0), 0)));
};
const transpose = (a: Matrix): Matrix => (a[0] ?? []).map((_, j) => a.map((row) => row[j] ?? 0));

function activate(z: Matrix, activation: DenseLayer['activation']): Matrix {
  if (activation === 'tanh') return z.map((row) => row.map(Math.tanh));
  if (activation === 'relu') return z.map((row) => row.map((value) => Math.max(0, value)));
  return z.map((row) => {
    const largest = Math.max(...row);
    const powers = row.map((value) => Math.exp(value - largest));
    const total = powers.reduce((a, b) => a + b, 0);
    return powers.map((value) => value / total);
  });
}

/** What a layer's activation receives, what it gives, and the loss's gradient for the former. */
export interface Signals {
  readonly z: Matrix;
  readonly h: Matrix;
  delta: Matrix;
}

export class ReferenceNet {
  readonly layers: DenseLayer[];
  readonly #velocity: { kernel: Matrix; bias: number[] }[];

  constructor(layers: readonly DenseLayer[]) {
    this.layers = layers.map(({ kernel, bias, activation }) => ({ kernel: kernel.map((row) => [...row]), bias: [...bias], activation }));
    this.#velocity = layers.map(({ kernel, bias }) => ({ kernel: kernel.map((row) => row.map(() => 0)), bias: bias.map(() => 0) }));
  }

  /** Gradients of the mean cross-entropy of labels, and that mean; the last layer is a softmax. */
  gradients(
    x: Matrix,
    labels: readonly number[],
  ): { loss: number; accuracy: number; gradients: { kernel: Matrix; bias: number[] }[]; signals: Signals[] } {
    const outputs = [x];
    const sums: Matrix[] = [];
    for (const { kernel, bias, activation } of this.layers) {
      const z = product(outputs.at(-1) ?? [], kernel).map((row) => row.map((value, j) => value + (bias[j] ?? 0)));
      sums.push(z);
      outputs.push(activate(z, activation));
    }
    const signals = sums.map((z, l): Signals => ({ z, h: outputs[l + 1] ?? [], delta: [] }));
    const probabilities = outputs.at(-1) ?? [];
    const loss = -probabilities.reduce((sum, row, i) => sum + Math.log(row[labels[i] ?? 0] ?? 0), 0) / x.length;
    const hits = probabilities.filter((row, i) => row.indexOf(Math.max(...row)) === labels[i]).length;
    // Of softmax and cross-entropy together: (p − t) / N.
    let delta = probabilities.map((row, i) => row.map((p, j) => (p - (labels[i] === j ? 1 : 0)) / x.length));
    const found: { kernel: Matrix; bias: number[] }[] = [];
    for (let l = this.layers.length - 1; l >= 0; l--) {
      (signals[l] as Signals).delta = delta;
      const input = outputs[l] ?? [];
      const { kernel } = this.layers[l] as DenseLayer;
      const bias = (delta[0] ?? []).map((_, j) => delta.reduce((sum, row) => sum + (row[j] ?? 0), 0));
      found.unshift({ kernel: product(transpose(input), delta), bias });
      const below = this.layers[l - 1];
      if (!below) break;
      const slope = (h: number): number => (below.activation === 'tanh' ? 1 - h * h : h > 0 ? 1 : 0);
      delta = product(delta, transpose(kernel)).map((row, i) => row.map((value, j) => value * slope(input[i]?.[j] ?? 0)));
    }
    return { loss, accuracy: hits / x.length, gradients: found, signals };
  }

  /** One step; the loss and accuracy before it. `scale` may shorten gradients first. */
  step(
    x: Matrix,
    labels: readonly number[],
    { learningRate, momentum = 0, nesterov = false }: Rule,
    clip: (gradients: number[][]) => number[][] = (all) => all,
  ): { loss: number; accuracy: number } {
    const { loss, accuracy, gradients } = this.gradients(x, labels);
    const flat = clip(gradients.flatMap(({ kernel, bias }) => [kernel.flat(), bias]));
    const move = (value: number, velocity: number, gradient: number): [number, number] => {
      const next = momentum * velocity - learningRate * gradient;
      return [value + (nesterov ? momentum * next - learningRate * gradient : next), next];
    };
    this.layers.forEach((layer, l) => {
      const velocity = this.#velocity[l] as { kernel: Matrix; bias: number[] };
      const [kernelGradient = [], biasGradient = []] = flat.slice(2 * l, 2 * l + 2);
      const width = layer.bias.length;
      layer.kernel.forEach((row, i) => {
        row.forEach((value, j) => {
          const line = velocity.kernel[i] as number[];
          [row[j], line[j]] = move(value, line[j] ?? 0, kernelGradient[i * width + j] ?? 0) as [number, number];
        });
      });
      layer.bias.forEach((value, j) => {
        [layer.bias[j], velocity.bias[j]] = move(value, velocity.bias[j] ?? 0, biasGradient[j] ?? 0) as [number, number];
      });
    });
    return { loss, accuracy };
  }

  /** Kernel, bias, kernel, bias … */
  get weights(): number[][] {
    return this.layers.flatMap(({ kernel, bias }) => [kernel.flat(), bias]);
  }
}
