import { product, showShape } from '../core/shape.js';
import type { LayerCall } from '../network/layer.js';
import type { Network } from '../network/network.js';
import { findRuns, rowName } from '../network/runs.js';

/** Rows of fewer blocks are written out: of those that were asked for as a row, and of others. */
const FEW = { asked: 8, others: 48 };

/** A table of layer calls: layer, kind, output shape, parameters, what it is connected to (where that is not just the row above). Long rows of equal blocks take one line for each layer of a block. */
export function summarize(network: Network, name: string): string {
  const counted = new Set<object>();
  let [trainable, fixed] = [0, 0];
  const runs = findRuns(network.calls, network.outputs).filter(({ blocks }) => blocks.length >= (blocks[0]?.[0]?.block ? FEW.asked : FEW.others));
  const heads = new Map(runs.flatMap((run) => (run.blocks[0] ?? []).map((call, place) => [call, { run, place }] as const)));
  const hidden = new Set(runs.flatMap(({ blocks }) => blocks.slice(1).flat()));
  const rows = network.calls.flatMap((call, i) => {
    const { layer } = call;
    const row = heads.get(call);
    const times = row?.run.blocks.length ?? 1;
    const first = !counted.has(layer);
    counted.add(layer);
    let parameters = 0;
    for (const spec of layer.weights.values()) {
      const size = product(spec.shape);
      parameters += size;
      if (!first) continue;
      if (layer.trainable && spec.trainable !== false) trainable += size;
      else fixed += size;
    }
    if (hidden.has(call)) return [];
    return [
      [
        row ? `${rowName(row.run, row.place)} (${times.toLocaleString('en')} × ${layer.kind})` : `${layer.title} (${layer.kind})`,
        showShape(call.output.shape),
        first ? (times * parameters).toLocaleString('en') : 'shared',
        connection(network, call, i),
      ] as const,
    ];
  });
  const chain = rows.every(([, , , from]) => from === '');
  const table = [['Layer (kind)', 'Output shape', 'Parameters', 'Connected to'], ...rows].map((row) => (chain ? row.slice(0, 3) : row));
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 2 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  const rule = '─'.repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  const count = (value: number): string => value.toLocaleString('en');
  return [
    `Model: ${name}`,
    rule,
    line(table[0] ?? []),
    rule,
    ...table.slice(1).map(line),
    rule,
    `Parameters: ${count(trainable + fixed)} (${bytes((trainable + fixed) * (network.dtype === 'float64' ? 8 : 4))}); trainable ${count(trainable)}, not trainable ${count(fixed)}`,
  ].join('\n');
}

/** What feeds a call, empty where it is the call of the row above. */
function connection(network: Network, call: LayerCall, row: number): string {
  const sources = call.inputs.map((signal) => signal.call);
  if (sources.length === 0 || (sources.length === 1 && sources[0] === network.calls[row - 1])) return '';
  return sources.map((source) => source.layer.title).join(', ');
}

function bytes(count: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log(Math.max(1, count)) / Math.log(1024)));
  return `${(count / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
