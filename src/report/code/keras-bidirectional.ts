import { type Call, CUSTOM, isCall, isName } from './calls.js';
import { kerasValue } from './keras-values.js';

/**
 * Keras's `Bidirectional` makes both directions from the layer's description: a lambda has none, and of a layer that goes backwards another one that does.
 * What is changed for it stands here.
 */

const isLayer = (value: unknown): value is Call => isCall(value) && value.table === 'layers';

function mapped(call: Call, change: (value: unknown) => unknown): Call {
  return { ...call, leads: call.leads.map(change), options: call.options.map(([key, value]) => [key, change(value)] as const) };
}

/** The same, with what walks forwards written out where the layer goes backwards. */
export function bothDirections(call: Call): Call {
  const inside = mapped(call, (value) => (isLayer(value) ? bothDirections(value) : value));
  const [layer] = inside.leads;
  if (call.name !== 'bidirectional' || !isLayer(layer) || inside.options.some(([key]) => key === 'backwardLayer')) return inside;
  if (!layer.options.some(([key, value]) => key === 'goBackwards' && value === true)) return inside;
  const other = { ...layer, options: layer.options.filter(([key]) => key !== 'goBackwards' && key !== 'name') };
  return { ...inside, options: [...inside.options, ['backwardLayer', other] as const] };
}

/** An activation that is a lambda in Keras, as the function of a name of its own: undefined where it is none. */
function asFunction(value: unknown): { readonly name: string; readonly definition: string } | undefined {
  if (!(isCall(value) || isName(value)) || value.table !== 'activations') return undefined;
  const [, body] = /^lambda x: (.*)$/.exec(kerasValue(value)) ?? [];
  if (body === undefined) return undefined;
  const name = body
    .replace(/^keras\.activations\./, '')
    .replace('(x, ', '_')
    .replaceAll('-', 'minus_')
    .replaceAll(/\W+/g, '_')
    .replace(/_$/, '');
  return { name, definition: `@keras.saving.register_keras_serializable()\ndef ${name}(x): return ${body}` };
}

/** Definitions of the functions that a layer needs. */
export function functionsOf(call: Call, within = false): readonly string[] {
  const both = within || call.name === 'bidirectional';
  return [...call.leads, ...call.options.map(([, value]) => value)].flatMap((value) => {
    if (isLayer(value)) return functionsOf(value, both);
    const made = both ? asFunction(value) : undefined;
    return made ? [made.definition] : [];
  });
}

/** The same, with functions by their names. */
export function withFunctions(call: Call, within = false): Call {
  const both = within || call.name === 'bidirectional';
  return mapped(call, (value) => {
    if (isLayer(value)) return withFunctions(value, both);
    const made = both ? asFunction(value) : undefined;
    return made ? { word: made.name, table: CUSTOM } : value;
  });
}
