// @ts-check
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Writes the whole of a file, or leaves what was there. @param {string} path @param {string} text */
export function writeWhole(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.tmp`, text);
  renameSync(`${path}.tmp`, path);
}

/**
 * A file of lines, one record each, below a header that says what they were made by. Records are added one by one; a last line that was torn is left out.
 * @template T
 */
export class Records {
  #path;
  /** @type {T[]} */
  #items = [];

  /**
   * @param {string | undefined} path kept in memory alone where there is none
   * @param {unknown} header
   * @param {(path: string) => string} mismatch what is said where the file was made by something else; it throws
   */
  constructor(path, header, mismatch) {
    this.#path = path;
    if (path === undefined) return;
    const first = JSON.stringify(header);
    if (!existsSync(path)) writeWhole(path, `${first}\n`);
    const lines = readFileSync(path, 'utf8').split('\n');
    if (lines[0] !== first) throw new Error(mismatch(path));
    this.#items = lines.slice(1, -1).map((line) => JSON.parse(line));
    // Whatever stands behind the last line break was not finished.
    if (lines.at(-1) !== '') writeWhole(path, `${lines.slice(0, -1).join('\n')}\n`);
  }

  /** @param {T} item */
  add(item) {
    this.#items.push(item);
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(item)}\n`);
  }

  /** @returns {readonly T[]} */
  get items() {
    return this.#items;
  }
}
