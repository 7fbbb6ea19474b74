/** Text that is HTML already. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** What a template takes: text is escaped, markup is not, lists are joined, nothing is left out. */
export type Part = Markup | string | number | undefined | readonly Part[];

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text as HTML shows it, between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A template of HTML or SVG; what is put into it is escaped. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.map((text, i) => text + render(parts[i])).join(''));
}

function render(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(render).join('');
  return escapeHtml(String(part));
}

/** A sentence whose numbers stay on one line: lines may break behind the hyphen of 4e-6. */
export function prose(text: string): Markup {
  return html`${text.split(/(-?\d[\d.]*e-\d+)/).map((part, i) => (i % 2 === 1 ? html`<span class="number">${part}</span>` : part))}`;
}

/** Data for a script inside the page; no text in it can end the script. */
export function embedJson(id: string, data: unknown): Markup {
  return html`<script type="application/json" id="${id}">${new Markup(JSON.stringify(data).replaceAll('<', '\\u003c'))}</script>`;
}
