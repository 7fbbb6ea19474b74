import type { Examination } from '../doctor/examination.js';
import { html, type Markup } from './markup.js';
import { mosaic } from './mosaic.js';

/** Every unit that can die, alive, in coma or dead, in the last whole pass over the data; why there is nothing to see where there is not. */
export function unitMosaic(examination: Examination): Markup {
  const drawn = unitsIfAny(examination);
  if (drawn) return drawn;
  // Passes are recorded of units that can die alone.
  const { passes, epochs } = examination.trace;
  return passes.length === 0 && epochs.length === 0
    ? html`<p>No whole pass over the data was recorded, so that nobody can say which units are dead.</p>`
    : html`<p>No activation of this network has a flat side on which units could die.</p>`;
}

/** The same; undefined where no whole pass was recorded or no unit can die. */
export function unitsIfAny(examination: Examination): Markup | undefined {
  const pass = examination.trace.passes.at(-1);
  const layers = examination.uses.flatMap((use) => {
    const units = examination.units(use);
    return units ? [{ name: use.layer.name, units }] : [];
  });
  return pass && layers.length > 0 ? mosaic({ epoch: pass.epoch, layers }) : undefined;
}
