import type { Described } from '../../core/catalogue.js';
import { isDescribed } from '../../layers/registry.js';
import { literal, type Noted } from './python.js';

type Options = Readonly<Record<string, unknown>>;

/** Modules of activations of features; the output's softmax and sigmoid belong to PyTorch's losses. */
const activations: Readonly<Record<string, (options: Options, features: number | undefined) => string>> = {
  relu: () => 'nn.ReLU()',
  relu6: () => 'nn.ReLU6()',
  leakyRelu: ({ slope }) => `nn.LeakyReLU(${literal(slope ?? 0.01)})`,
  prelu: ({ initial, shared }, features) => `nn.PReLU(${shared === true ? 1 : features}, ${literal(initial ?? 0.25)})`,
  rrelu: ({ lower, upper }) =>
    lower === undefined && upper === undefined ? 'nn.RReLU()' : `nn.RReLU(${literal(lower ?? 1 / 8)}, ${literal(upper ?? 1 / 3)})`,
  elu: ({ alpha }) => (alpha === undefined || alpha === 1 ? 'nn.ELU()' : `nn.ELU(alpha=${literal(alpha)})`),
  selu: () => 'nn.SELU()',
  celu: ({ alpha }) => (alpha === undefined || alpha === 1 ? 'nn.CELU()' : `nn.CELU(alpha=${literal(alpha)})`),
  gelu: ({ approximate }) => (approximate === true ? 'nn.GELU(approximate="tanh")' : 'nn.GELU()'),
  silu: () => 'nn.SiLU()',
  mish: () => 'nn.Mish()',
  tanh: () => 'nn.Tanh()',
  sigmoid: () => 'nn.Sigmoid()',
  hardSigmoid: () => 'nn.Hardsigmoid()',
  hardSilu: () => 'nn.Hardswish()',
  hardTanh: () => 'nn.Hardtanh()',
  hardShrink: ({ threshold }) => `nn.Hardshrink(${literal(threshold ?? 0.5)})`,
  softShrink: ({ threshold }) => `nn.Softshrink(${literal(threshold ?? 0.5)})`,
  tanhShrink: () => 'nn.Tanhshrink()',
  threshold: ({ threshold, value }) => `nn.Threshold(${literal(threshold ?? 0)}, ${literal(value ?? 0)})`,
  thresholdedRelu: ({ theta }) => `nn.Threshold(${literal(theta ?? 1)}, 0)`,
  softplus: () => 'nn.Softplus()',
  softsign: () => 'nn.Softsign()',
  softmax: () => 'nn.Softmax(dim=-1)',
  logSoftmax: () => 'nn.LogSoftmax(dim=-1)',
  logSigmoid: () => 'nn.LogSigmoid()',
  glu: () => 'nn.GLU(dim=-1)',
  exponential: () => 'Apply(torch.exp)',
  sparsePlus: () => 'Apply(lambda x: (x.clamp(-1, 1) + 1) ** 2 / 4 + (x - 1).relu())',
  sparseSigmoid: () => 'Apply(lambda x: (x / 2 + 0.5).clamp(0, 1))',
  squareplus: ({ b }) => `Apply(lambda x: (x + (x * x + ${literal(b ?? 4)}).sqrt()) / 2)`,
};

/** An activation as modules; none where it is linear. */
export function bent(activation: unknown, features: number | undefined): Noted[] {
  const described = isDescribed(activation) ? activation : ({ name: String(activation ?? 'linear'), config: {} } satisfies Described);
  if (described.name === 'linear') return [];
  const code = activations[described.name]?.(described.config ?? {}, features);
  return [code === undefined ? { code: '', notes: [`PyTorch has no module '${described.name}'`] } : { code, notes: [] }];
}
