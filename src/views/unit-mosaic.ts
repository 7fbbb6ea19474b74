import type { Examination } from '../doctor/examination.js';
import { html, type Markup } from './markup.js';
import { mosaic } from './mosaic.js';

/** Every unit that can die, alive, in coma or dead, in the last whole pass over the data. */
export function unitMosaic(examination: Examination): Markup {
  const pass = examination.trace.passes.at(-1);
  const layers = examination.uses.flatMap((use) => {
    const units = examination.units(use);
    return units ? [{ name: use.layer.name, units }] : [];
  });
  if (!pass) return html`<p>No whole pass over the data was recorded, so that nobody can say which units are dead.</p>`;
  if (layers.length === 0) return html`<p>No activation of this network has a flat side on which units could die.</p>`;
  return mosaic({ epoch: pass.epoch, layers });
}
