// @ts-check
import { reachOf } from '#src/doctor/confidence.js';
import { clopperPearson } from '../../ward/statistics.js';

/** A finding, and whether it held. @typedef {{ readonly group: string, readonly when: 'start' | 'early', readonly severity: 'ill' | 'risk', readonly margin: number, readonly told: number, readonly held: boolean }} Told */

/** Limits of the bins of told confidence. */
const limits = [0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1];

/** What was told against what was found, by bin of told confidence. @param {readonly Told[]} list @param {readonly number[]} [bins] */
export function reliability(list, bins = limits) {
  return bins.slice(1).flatMap((to, i) => {
    const from = bins[i] ?? 0;
    const inside = list.filter(({ told }) => told >= from && (told < to || to === 1));
    if (inside.length === 0) return [];
    const held = inside.filter((one) => one.held).length;
    const told = inside.reduce((sum, one) => sum + one.told, 0) / inside.length;
    return [{ from, to, count: inside.length, told, found: held / inside.length, interval: clopperPearson(held, inside.length) }];
  });
}

/** Mean distance of told from found over the bins, each by its count (Naeini, Cooper and Hauskrecht 2015). @param {readonly Told[]} list */
export function calibrationError(list) {
  return reliability(list).reduce((sum, { count, told, found }) => sum + (count * Math.abs(told - found)) / list.length, 0);
}

/** Mean squared distance of told from what came out, 0 or 1 (Brier 1950). @param {readonly Told[]} list */
export const brier = (list) => list.reduce((sum, { told, held }) => sum + (told - Number(held)) ** 2, 0) / list.length;

/** Precisions of the normal priors: of an offset around that of all groups together, and of a slope around 0. */
const PRIOR = { offset: 0.5, slope: 4 };

const logistic = (/** @type {number} */ x) => 1 / (1 + Math.exp(-x));

/**
 * Offset and slope of the logarithm of the margin, by penalized maximum likelihood (Newton's method); the slope is at least 0, so that a larger margin
 * never lowers the confidence.
 * @param {readonly { readonly margin: number, readonly held: boolean }[]} list @param {number} [towards] offset that the prior draws to
 * @returns {readonly [offset: number, slope: number]}
 */
export function fitLogistic(list, towards = 0) {
  const points = list.map(({ margin, held }) => ({ x: reachOf(margin), y: Number(held) }));
  const solve = (/** @type {boolean} */ flat) => {
    let [a, b] = [towards, 0];
    for (let round = 0; round < 100; round++) {
      let [ga, gb, haa, hab, hbb] = [PRIOR.offset * (towards - a), -PRIOR.slope * b, PRIOR.offset, 0, PRIOR.slope];
      for (const { x, y } of points) {
        const p = logistic(a + b * x);
        const w = p * (1 - p);
        ga += y - p;
        gb += (y - p) * x;
        haa += w;
        hab += w * x;
        hbb += w * x * x;
      }
      const [da, db] = flat ? [ga / haa, 0] : [(hbb * ga - hab * gb) / (haa * hbb - hab * hab), (haa * gb - hab * ga) / (haa * hbb - hab * hab)];
      // Short steps keep the first rounds from overshooting.
      const scale = Math.min(1, 2 / Math.max(Math.abs(da), Math.abs(db), 1e-12));
      a += scale * da;
      b += scale * db;
      if (Math.abs(da) + Math.abs(db) < 1e-10) break;
    }
    return /** @type {const} */ ([a, b]);
  };
  const free = solve(false);
  return free[1] >= 0 ? free : solve(true);
}
