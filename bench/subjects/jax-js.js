// @ts-check
import { readFileSync } from 'node:fs';
import { generator, normals, shuffledBatches, syntheticImages } from '../harness/data.js';
import { serve, timed } from '../harness/subject.js';
import { deviation, learningRate, pixelScale, rows } from '../harness/workloads.js';

const peer = new URL('../peers/node_modules/@jax-js/jax/', import.meta.url);

await serve(async ({ workload }) => {
  const jax = await import(new URL('dist/index.js', peer).href);
  const { numpy: np, nn, jit, valueAndGrad, tree } = jax;
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  const versions = { 'jax-js': JSON.parse(readFileSync(new URL('package.json', peer), 'utf8')).version, node: process.versions.node };

  const { widths, activation, initializer, batch } = workload;
  const classes = widths.at(-1);
  const { images, labels } = syntheticImages(rows, widths[0], classes);
  const random = generator(2);
  const nextBatch = shuffledBatches(random, rows, batch);
  const activate = { selu: nn.selu, relu: nn.relu, tanh: np.tanh }[/** @type {'selu' | 'relu' | 'tanh'} */ (activation)];

  const initial = () =>
    widths.slice(1).map((/** @type {number} */ width, /** @type {number} */ i) => ({
      kernel: np.array(normals(random, widths[i] * width, deviation(initializer, widths[i], width))).reshape([widths[i], width]),
      bias: np.zeros([width]),
    }));

  const lossAndLogits = (/** @type {any[]} */ weights, /** @type {any} */ x, /** @type {any} */ y) => {
    let h = x;
    weights.forEach(({ kernel, bias }, layer) => {
      h = np.matmul(h, kernel).add(bias);
      if (layer < weights.length - 1) h = activate(h);
    });
    const loss = nn
      .logSoftmax(h.ref)
      .mul(nn.oneHot(y, classes))
      .sum()
      .mul(-1 / batch);
    return [loss, h];
  };

  /** One step: update and running totals, from a minibatch already scaled to floats. */
  const step = jit((/** @type {any[]} */ weights, /** @type {any} */ totals, /** @type {any} */ x, /** @type {any} */ y) => {
    const [[loss, logits], gradients] = valueAndGrad(lossAndLogits, { hasAux: true })(tree.ref(weights), x, y.ref);
    const next = weights.map((layer, i) => ({
      kernel: layer.kernel.sub(gradients[i].kernel.mul(learningRate)),
      bias: layer.bias.sub(gradients[i].bias.mul(learningRate)),
    }));
    const correct = np.equal(np.argmax(logits, 1), y).astype(np.float32).sum();
    return [next, totals.add(np.stack([loss, correct]))];
  });

  const gather = () => {
    const picked = nextBatch();
    const x = new Float32Array(batch * widths[0]);
    const y = new Int32Array(batch);
    for (let i = 0; i < batch; i++) {
      const row = (picked[i] ?? 0) * widths[0];
      for (let j = 0; j < widths[0]; j++) x[i * widths[0] + j] = (images[row + j] ?? 0) * pixelScale;
      y[i] = labels[picked[i] ?? 0] ?? 0;
    }
    return [np.array(x, { shape: [batch, widths[0]] }), np.array(y)];
  };

  let weights = initial();
  const gatherOutside = async (/** @type {number} */ steps) => {
    let totals = np.zeros([2]);
    const microseconds = await timed(async () => {
      for (let i = 0; i < steps; i++) [weights, totals] = step(weights, totals, ...gather());
      await jax.blockUntilReady([weights, totals]);
      await totals.data();
    });
    return { steps, microseconds };
  };

  return { versions, threads: 1, note: 'jax-js starts its WASM threads in pages only', variants: { 'jit, gather in JavaScript': gatherOutside } };
});
