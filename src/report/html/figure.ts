import { html, type Markup, type Part } from './markup.js';

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
<figcaption>${caption ?? summary}</figcaption>
<details><summary>Numbers: ${title}</summary>${showTable(numbers, title)}</details></figure>`;
}

/** A table that scrolls by itself where it is wider than the page. */
export function showTable({ titles, rows }: Numbers, label: string): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${`Table: ${label}`}"><table><thead><tr>${titles.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${rows.map(([head, ...cells]) => html`<tr><th scope="row">${head}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody></table></div>`;
}

/** Labels beside a drawing whose height they share: at most `most` of them. */
export function rowLabels(names: readonly string[], places: readonly number[]): Markup {
  return html`<div class="names" aria-hidden="true">${places.map(
    (at) => html`<span style="top:${((100 * (at + 0.5)) / names.length).toFixed(2)}%">${names[at]}</span>`,
  )}</div>`;
}
