// @ts-check

/** A small seeded generator (mulberry32), uniform in [0, 1). @param {number} seed */
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
}

/** Random images and labels: the time of a step does not depend on what they show. @param {number} rows @param {number} width @param {number} classes */
export function syntheticImages(rows, width, classes) {
  const random = generator(1);
  const images = Uint8Array.from({ length: rows * width }, () => random() * 256);
  const labels = Int32Array.from({ length: rows }, () => random() * classes);
  return { images, labels };
}

/** Normal numbers by Box and Muller. @param {() => number} random @param {number} size @param {number} deviation */
export function normals(random, size, deviation) {
  return Float32Array.from({ length: size }, () => deviation * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
}

/** An endless stream of shuffled minibatch indices over `rows`. @param {() => number} random @param {number} rows @param {number} batch */
export function shuffledBatches(random, rows, batch) {
  const order = Int32Array.from({ length: rows }, (_, i) => i);
  let next = rows;
  return () => {
    if (next + batch > rows) {
      for (let i = rows - 1; i > 0; i--) {
        const j = Math.floor(random() * (i + 1));
        const kept = /** @type {number} */ (order[i]);
        order[i] = /** @type {number} */ (order[j]);
        order[j] = kept;
      }
      next = 0;
    }
    next += batch;
    return order.subarray(next - batch, next);
  };
}
