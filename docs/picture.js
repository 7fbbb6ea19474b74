// @ts-check
// Draws docs/gradients.svg, the README's picture: `npm run picture`.
import { writeFileSync } from 'node:fs';
import { datasets, initializers, layers, sequential } from 'evenkeel';

const DEPTH = 20;
const WIDTH = 100;
const ROWS = 512;

/** @type {{ title: string, color: string, activation: string, kernelInitializer: import('evenkeel').InitializerLike }[]} */
const nets = [
  { title: 'SELU, LeCun', color: '#0072b2', activation: 'selu', kernelInitializer: 'lecunNormal' },
  { title: 'ReLU, He', color: '#009e73', activation: 'relu', kernelInitializer: 'heNormal' },
  { title: 'tanh, Glorot', color: '#a65a00', activation: 'tanh', kernelInitializer: 'glorotUniform' },
  { title: 'logistic, N(0, 1)', color: '#b0407f', activation: 'sigmoid', kernelInitializer: initializers.normal({ stddev: 1 }) },
  { title: 'logistic, Glorot', color: '#c0392b', activation: 'sigmoid', kernelInitializer: 'glorotUniform' },
];

const { train } = await datasets.load('glyphs');
const [pictures, digits] = [train.x.slice(0, ROWS), train.y.slice(0, ROWS)];

/** Median |∂L/∂w| of each hidden layer's kernel at the start. @param {typeof nets[number]} net @returns {Promise<number[]>} */
async function measure({ activation, kernelInitializer }) {
  const hidden = Array.from({ length: DEPTH }, () => layers.dense(WIDTH, { activation, kernelInitializer }));
  const model = sequential(
    [
      layers.input([28, 28], { dtype: 'uint8' }),
      layers.flatten(),
      layers.normalization({ axis: null }),
      ...hidden,
      layers.dense(10, { activation: 'softmax' }),
    ],
    { seed: 1 },
  ).compile({ loss: 'sparseCategoricalCrossentropy' });
  await model.adapt(pictures);
  const { gradients } = await model.gradients(pictures, digits);
  await model.dispose();
  return hidden.map((layer) => {
    const { data } = /** @type {import('evenkeel').NdArray} */ (gradients.get(`${layer.name}/kernel`));
    const sizes = Float64Array.from(/** @type {Float32Array} */ (data), Math.abs).sort();
    return sizes[sizes.length >> 1] ?? Number.NaN;
  });
}

const curves = await Promise.all(nets.map(async (net) => ({ ...net, values: await measure(net) })));

const [width, height] = [860, 420];
const frame = { left: 74, right: 700, top: 64, bottom: 368 };
const exponents = curves.flatMap(({ values }) => values.map(Math.log10));
const [low, high] = [Math.floor(Math.min(...exponents) / 2) * 2, Math.ceil(Math.max(...exponents))];
const x = (/** @type {number} */ layer) => frame.left + ((layer - 1) / (DEPTH - 1)) * (frame.right - frame.left);
const y = (/** @type {number} */ value) => frame.bottom - ((Math.log10(value) - low) / (high - low)) * (frame.bottom - frame.top);
const round = (/** @type {number} */ value) => value.toFixed(1);

/** @param {number} power */
const tick = (power) => `10<tspan dy="-5" font-size="10">${power < 0 ? '−' : ''}${Math.abs(power)}</tspan>`;
const powers = Array.from({ length: Math.floor((high - low) / 2) + 1 }, (_, i) => low + 2 * i);
const grid = powers.map(
  (power) =>
    `<path d="M${frame.left} ${round(y(10 ** power))}H${frame.right}" stroke="#dddddd"/>` +
    `<text x="${frame.left - 10}" y="${round(y(10 ** power) + 5)}" text-anchor="end">${tick(power)}</text>`,
);
const columns = [1, 5, 10, 15, 20].map((layer) => `<text x="${round(x(layer))}" y="${frame.bottom + 22}" text-anchor="middle">${layer}</text>`);

// Labels stand at the first layer's end of their curves, where they differ most, and keep a line's height apart.
const labels = curves.map(({ title, color, values }) => ({ title, color, at: y(values.at(-1) ?? 1) })).sort((a, b) => a.at - b.at);
labels.forEach((label, i) => {
  label.at = Math.max(label.at, (labels[i - 1]?.at ?? Number.NEGATIVE_INFINITY) + 19);
});
const lines = curves.map(
  ({ color, values }) =>
    `<polyline fill="none" stroke="${color}" stroke-width="2.5" stroke-linejoin="round" points="${values.map((value, i) => `${round(x(i + 1))},${round(y(value))}`).join(' ')}"/>`,
);
const names = labels.map(
  ({ title, color, at }) => `<text x="${frame.right + 10}" y="${round(at + 5)}" fill="${color}" font-weight="600">${title}</text>`,
);

writeFileSync(
  new URL('gradients.svg', import.meta.url),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="14" fill="#222222" role="img">
<title>Median gradient of each layer's weights at the start, for five pairs of activation and initializer</title>
<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>
<text x="${frame.left}" y="30" font-size="17" font-weight="600">Gradients at the start: ${DEPTH} hidden layers of ${WIDTH} units</text>
<text x="${frame.left}" y="50" fill="#555555">median |∂L/∂w| of each layer's kernel, ${ROWS} pictures of digits</text>
${[...grid, ...columns, ...lines, ...names].join('\n')}
<text x="${round((frame.left + frame.right) / 2)}" y="${frame.bottom + 42}" text-anchor="middle">hidden layer, the input's side first</text>
</svg>
`,
);
