import { literal, type Noted } from './python.js';
import { drawn } from './torch-initializers.js';
import type { Use } from './translation.js';

/** Attention as products of PyTorch's own: its module has heads of the length that divides the features alone. */
export function attention({ layer, initializer, shapes }: Use): readonly Noted[] {
  const { numHeads, keyDim, valueDim = keyDim, useBias, dropout = 0, causal = false, ...config } = layer.config;
  const heads = Number(numHeads);
  const [query = 0, value = query, key = value] = shapes.map((shape) => shape.at(-1) ?? 0);
  const outputs = Number(config.outputDim ?? query);
  const product = (from: number, to: number): Noted =>
    drawn(`nn.Linear(${from}, ${to}${useBias === false ? ', bias=False' : ''})`, { layer, initializer }, { fanIn: from, fanOut: to });
  const parts = [
    product(query, heads * Number(keyDim)),
    product(key, heads * Number(keyDim)),
    product(value, heads * Number(valueDim)),
    product(heads * Number(valueDim), outputs),
  ];
  // By rows of all axes but the last, as for every kernel here and in Keras.
  const apart =
    initializer?.name === 'orthogonal'
      ? ['orthogonal weights are so as [features · heads, size] in Keras and here, as [features, heads · size] in PyTorch']
      : [];
  const options = [...(dropout === 0 ? [] : [`dropout=${literal(dropout)}`]), ...(causal === true ? ['causal=True'] : [])];
  return [
    {
      code: `Attention(${[heads, ...parts.map(({ code }) => code), ...options].join(', ')})`,
      notes: [...parts.flatMap(({ notes }) => notes), ...apart],
    },
  ];
}

const letters = ['i', 'j', 'k', 'l'];

/** Products of two inputs, summed along an axis of each: `torch.einsum("bki,bkj->bij", x0, x1)`. */
export function dotProduct(inputs: readonly string[], { axes, normalize }: Readonly<Record<string, unknown>>, ranks: readonly number[]): string {
  const summed = inputs.map((_, i) => {
    const axis = Number(Array.isArray(axes) ? axes[i] : axes);
    return axis < 0 ? axis + (ranks[i] ?? 1) + 1 : axis;
  });
  const free = [...letters];
  const terms = summed.map((axis, i) => Array.from({ length: ranks[i] ?? 1 }, (_, at) => (at + 1 === axis ? 's' : (free.shift() ?? ''))).join(''));
  const rest = terms.join('').replaceAll('s', '');
  const even = inputs.map((x, i) => (normalize === true ? `nn.functional.normalize(${x}, dim=${summed[i]}, eps=1e-6)` : x));
  const product = `torch.einsum("${terms.map((term) => `b${term}`).join(',')}->b${rest}", ${even.join(', ')})`;
  return rest === '' ? `${product}.unsqueeze(-1)` : product;
}
