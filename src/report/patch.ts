import { countOf } from '../core/count.js';
import { isRecord, refuse } from '../core/expect.js';
import { lookUp } from '../core/names.js';
import { sayLayers } from '../doctor/rule.js';
import type { Revived } from '../doctor/treatment/method.js';
import type { Treatment } from '../doctor/treatment/treatment.js';
import { type ModelConfig, missingCustom, readConfig, toConfig } from '../model/config.js';
import { fromConfig } from '../model/persistence.js';
import { evenkeelLines } from './code/evenkeel.js';
import { kerasLines } from './code/keras.js';
import { linesChanged } from './code/lines-changed.js';
import { pytorchLines } from './code/pytorch.js';
import type { Written } from './code/wiring.js';

/** How a model and its training are written, by framework. */
const frameworks: Readonly<Record<'evenkeel' | 'keras' | 'pytorch', (written: Written) => string[] | undefined>> = {
  evenkeel: evenkeelLines,
  keras: kerasLines,
  pytorch: pytorchLines,
};

export type Framework = keyof typeof frameworks;
export const frameworkNames: readonly Framework[] = ['evenkeel', 'keras', 'pytorch'];

/** Layers in the order of their first uses, as a model tells them: what a remedy puts in stands at the end. */
function inOrder(config: ModelConfig): ModelConfig {
  const order = [...new Set([...config.calls.map(({ layer }) => layer), ...config.layers.keys()])];
  const layers = order.flatMap((at) => config.layers[at] ?? []);
  return { ...config, layers, calls: config.calls.map((call) => ({ ...call, layer: order.indexOf(call.layer) })) };
}

/** With every option told, as a model tells them: people write names and a few options. What has functions of the user's own stays as it is. */
function whole({ config, ...training }: Written): Written {
  const read = readConfig(config);
  return { config: missingCustom(read, {}).length > 0 ? inOrder(read) : toConfig(fromConfig(read)), ...training };
}

/**
 * A model and its training as code: `codeOf(treatment.after, 'keras')` is a whole treated training. Losses, metrics and schedules of the user's own stand under their names. Undefined where layers have functions of
 * the user's own, which other frameworks do not know.
 * @throws ArgumentError on an unknown framework.
 */
export function codeOf(written: Written, framework: Framework): string | undefined {
  const { config, batchSize, epochs } = written ?? {};
  if (!isRecord(config) || (config.compile !== undefined && !Number.isInteger(batchSize)))
    refuse('codeOf', 'written', '{ config: toConfig(model), batchSize: 32 }', written);
  if (epochs !== undefined && !(Number.isSafeInteger(epochs) && epochs > 0)) refuse('codeOf', 'epochs', 'a whole number of epochs ≥ 1', epochs);
  return lookUp('framework', framework, frameworks)(whole(written))?.join('\n');
}

/**
 * What a treatment changed, as code: lines that go (`-`) and lines that come (`+`), with two lines of context. Empty where nothing was changed;
 * undefined where there is no code (see `codeOf`). Weights of single units that were drawn anew, which no code tells, are told of in a comment.
 * @throws ArgumentError on an unknown framework.
 */
export function patchOf(
  treatment: Pick<Treatment, 'before' | 'after'> & Partial<Pick<Treatment, 'remedies'>>,
  framework: Framework = 'evenkeel',
): string | undefined {
  if (!treatment?.before || !treatment.after) refuse('patchOf', 'treatment', 'a treatment, as returned by doctor.treat', treatment);
  const { before, after, remedies = [] } = treatment;
  const write = lookUp('framework', framework, frameworks);
  const [from, to] = [write(whole(before)), write(whole(after))];
  if (!from || !to) return undefined;
  const mark = framework === 'evenkeel' ? '//' : '#';
  return [...linesChanged(from, to), ...remedies.flatMap(({ revived }) => (revived ? [`+ ${mark} ${untold(revived)}`] : []))].join('\n');
}

/** What code alone does not make. */
const untold = ({ units, layers }: Revived): string =>
  `this code alone does not reproduce the treated network: the weights of ${countOf(units, 'unit')} of ${sayLayers(layers)} were redrawn; load the treated model`;
