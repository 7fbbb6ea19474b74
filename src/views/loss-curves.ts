import type { Examination } from '../doctor/examination.js';
import { value } from '../doctor/measured.js';
import { html, type Markup } from './markup.js';
import { type Line, overTime } from './over-time.js';

/** Loss and learning rate over the observed steps. */
export function lossCurves({ trace }: Examination): Markup[] {
  if (trace.steps.length === 0) return [html`<p>No step was observed.</p>`];
  const steps = trace.steps.map(({ step }) => step);
  const validation = trace.epochs.filter(({ logs }) => logs.val_loss !== undefined);
  const lines: Line[] = [
    { name: 'Loss of the minibatch', steps, values: trace.steps.map(({ loss }) => value(loss)) },
    ...(validation.length > 0
      ? [
          {
            name: 'Loss of the validation rows',
            steps: validation.map(({ step }) => step),
            values: validation.map(({ logs }) => value(logs.val_loss)),
          },
        ]
      : []),
  ];
  return [
    overTime('Loss', lines),
    overTime('Learning rate', [{ name: 'Learning rate', steps, values: trace.steps.map(({ learningRate }) => value(learningRate)) }]),
  ];
}
