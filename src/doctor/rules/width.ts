import type { NetworkFacts } from '../../vitals/facts.js';
import { remedies } from '../remedies.js';
import { type Rule, type Symptom, unlearned } from '../rule.js';
import { allBehind } from '../uses.js';

/** Of the classes, the units that a layer should have at least. */
const SHARE = 0.5;
/** Of more classes nothing was measured: words are told apart by far fewer units than there are of them. */
const MOST_CLASSES = 100;

/** Whether all that an output knows of the inputs goes through a use. */
function isOnlyWay(facts: NetworkFacts, use: number, output: number): boolean {
  const layers = facts.layers.map((layer, at) => (at === use ? { ...layer, inputs: [] } : layer));
  return !allBehind({ ...facts, layers }, facts.inputs).has(output);
}

export const narrowLayer: Rule = {
  id: 'narrow-layer',
  leadsTo: unlearned,
  title: 'Layer too narrow for the number of classes',
  looksFor:
    'hidden layers that return one vector, that everything reaching an output passes through, and that have fewer units than half the number of its classes',
  threshold: `half as many units as classes, counting up to ${MOST_CLASSES} classes. Measured as the share of the accuracy of a layer of 64 units, ReLU and tanh, two hidden layers (\`npm run bench -- width\`): of 10 classes (glyphs, pendigits) 5 units keep 90 to 97 %, 3 units 68 to 82 %, 2 units 39 to 56 %; of 26 (letter) 13 units keep 84 to 92 %, 8 units 76 to 82 %, 4 units 43 to 63 %`,
  why: 'classes squeezed into few dimensions are hard to separate for one more layer, however well the layers before it learn',
  remedies: [remedies.widen],
  check({ facts, hidden, trace }) {
    const { targets = [] } = trace.header.training ?? {};
    return facts.outputs.flatMap((output, i): Symptom[] => {
      const { kind, classes = 0 } = targets[i] ?? {};
      const wanted = SHARE * classes;
      if ((kind !== 'labels' && kind !== 'distribution') || classes > MOST_CLASSES) return [];
      return hidden.flatMap(({ at, layer }): Symptom[] => {
        const units = layer.shape.length === 1 ? layer.shape[0] : null;
        if (units === null || units === undefined || !(units < wanted) || !isOnlyWay(facts, at, output)) return [];
        return [
          {
            severity: 'risk',
            layers: [layer.name],
            step: 0,
            measured: { what: `units of ${layer.name}`, value: units },
            expected: { from: wanted, why: 'half as many units as classes separate these well' },
            cause: `everything by which ${facts.layers[output]?.name} distinguishes ${classes} classes passes through the ${units === 1 ? 'single unit' : `${units} units`} of ${layer.name}`,
          },
        ];
      });
    });
  },
};
