import { html, type Markup, type Part, prose } from './markup.js';

/** Numbers behind a figure. */
export interface Numbers {
  readonly titles: readonly string[];
  /** The first cell of a row names it. */
  readonly rows: readonly (readonly string[])[];
}

/** A drawing with its title, what it shows in a sentence, and its numbers as a table. */
export interface Figure {
  readonly title: string;
  /** Read aloud in place of the drawing. */
  readonly summary: string;
  readonly drawing: Markup;
  readonly caption?: Part;
  readonly numbers: Numbers;
  readonly wide?: boolean;
}

export function showFigure({ title, summary, drawing, caption, numbers, wide }: Figure): Markup {
  return html`<figure${wide ? html` class="wide"` : undefined}><h3>${title}</h3>
<div role="img" aria-label="${`${title}. ${summary}`}">${drawing}</div>
<figcaption>${caption ?? prose(summary)}</figcaption>
<details><summary>Numbers: ${title}</summary>${showTable(numbers, title)}</details></figure>`;
}

/** A table that scrolls by itself where it is wider than the page. */
export function showTable({ titles, rows }: Numbers, label: string): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${`Table: ${label}`}"><table><thead><tr>${titles.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${rows.map(([head, ...cells]) => html`<tr><th scope="row">${head}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody></table></div>`;
}

/** Height of a label in pixels. */
const LABEL = 14;

/** Labels beside a drawing of `height` pixels, whose rows they name: every one, or every second, third … */
export function rowLabels(names: readonly string[], height: number): Markup {
  const every = Math.ceil((names.length * LABEL) / height);
  return html`<div class="names" aria-hidden="true">${names.map((name, at) =>
    at % every === 0 ? html`<span style="top:${((100 * (at + 0.5)) / names.length).toFixed(2)}%">${name}</span>` : undefined,
  )}</div>`;
}
