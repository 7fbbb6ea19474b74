import type { DType } from '../../core/dtype.js';
import { forecast } from '../../doctor/forecast.js';
import { isDescribed } from '../../layers/registry.js';
import { type DescribedLayer, type ModelConfig, missingCustom, type SignalIndex } from '../../model/config.js';
import { fromConfig } from '../../model/persistence.js';
import { placeOf } from './wiring.js';

type Shape = readonly (number | null)[];

/** What another framework's code needs to know of one use of a layer. */
export interface Use {
  readonly layer: DescribedLayer;
  readonly inputs: readonly SignalIndex[];
  /** How many outputs it gives. */
  readonly gives: number;
  /** Features of its input and its output, where they are one number. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Sizes of its first input, without the batch; null where one is not known. */
  readonly shape: Shape;
  /** Those of all its inputs. */
  readonly shapes: readonly Shape[];
  /** Types of the numbers in all its inputs, and whether it computes with integers as they are. */
  readonly dtypes: readonly DType[];
  readonly keepsIntegers: boolean;
  /** Whether a mask comes with its first input: some steps may not count. */
  readonly masked: boolean;
  /** Axes of its output, without the batch. */
  readonly rank: number;
  /** What draws its kernel, by a name that other frameworks know; undefined where there is none. */
  readonly initializer: Initializer | undefined;
  /** Its input in PyTorch, as an expression of the training rows; undefined where weights are between. */
  readonly origin?: string | undefined;
}

export interface Initializer {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Ours alone: what they do is said in a comment. */
export const OWN_INITIALIZERS: Readonly<Record<string, string>> = {
  lsuv: 'orthogonal, then scaled on a batch so that the pre-activations of each layer have variance 1 (LSUV, Mishkin and Matas 2016)',
  critical: 'weights and biases at χ = 1 for the activation (Poole et al. 2016)',
};

/** An initializer by its name and options; undefined where there is none, or it depends on the layer. */
export function initializerOf(value: unknown): Initializer | undefined {
  const { name, config = {} } = isDescribed(value) ? value : { name: value };
  return typeof name === 'string' && name !== 'auto' ? { name, options: config } : undefined;
}

/** A model's uses in the order of its calls. Functions of the user's own in layers have no code: such a model cannot be translated, and gives undefined. */
export function usesOf(config: ModelConfig): readonly Use[] | undefined {
  const { compile: _, ...wiring } = config;
  if (missingCustom(wiring, {}).length > 0) return undefined;
  const model = fromConfig(wiring);
  const { layers } = forecast(model);
  const shapeOf = (signal: SignalIndex): Shape => {
    const [call, which] = placeOf(signal);
    return model.network.calls[call]?.outputs[which]?.shape.slice(1).map((dim) => (typeof dim === 'number' ? dim : null)) ?? [];
  };
  return config.calls.flatMap(({ layer: of, inputs }, at): Use[] => {
    const layer = config.layers[of];
    if (!layer) return [];
    const call = model.network.calls[at];
    const shapes = inputs.map(shapeOf);
    const [shape = []] = shapes;
    const { kernelInitializer } = layer.config;
    const isAuto = (isDescribed(kernelInitializer) ? kernelInitializer.name : kernelInitializer) === 'auto';
    const suits = isAuto ? layers[at]?.suits : undefined;
    const initializer = suits === undefined ? initializerOf(kernelInitializer) : { name: suits, options: {} };
    return [
      {
        layer,
        inputs,
        gives: call?.outputs.length ?? 1,
        from: shape.at(-1) ?? undefined,
        to: shapeOf(at).at(-1) ?? undefined,
        shape,
        shapes,
        dtypes: call?.inputs.map(({ dtype }) => dtype) ?? [],
        keepsIntegers: call?.layer.keepsIntegers ?? false,
        masked: call?.inputs[0]?.masked ?? false,
        rank: shapeOf(at).length,
        initializer,
      },
    ];
  });
}
