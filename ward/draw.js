// @ts-check

/** One of several values, each as likely as its weight says. @template T @param {import('evenkeel').Random} random @param {readonly (readonly [T, number])[]} choices @returns {T} */
export function pick(random, choices) {
  const total = choices.reduce((sum, [, weight]) => sum + weight, 0);
  let at = random.uniform(0, total);
  for (const [value, weight] of choices) {
    at -= weight;
    if (at < 0) return value;
  }
  const [last] = choices[choices.length - 1] ?? [];
  return /** @type {T} */ (last);
}

/** Between two bounds, evenly on a logarithmic scale. @param {import('evenkeel').Random} random @param {number} low @param {number} high */
export function spread(random, low, high) {
  return Number(Math.exp(random.uniform(Math.log(low), Math.log(high))).toPrecision(3));
}
