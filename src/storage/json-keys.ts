/** Index of the quote that closes the string whose text starts at `start`. Each run of backslashes is counted once, so the scan is linear. */
function closingQuote(text: string, start: number): number {
  for (let quote = text.indexOf('"', start); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let before = quote;
    while (before > start && text[before - 1] === '\\') before--;
    if ((quote - before) % 2 === 0) return quote;
  }
  return text.length;
}

/**
 * A key that one object of a JSON text has twice, or undefined. `JSON.parse` keeps the last one silently.
 * The text must be valid JSON. No regular expression: a string of megabytes would overflow its stack.
 */
export function repeatedKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  let last: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') {
      const end = closingQuote(text, i + 1);
      last = text.slice(i, end + 1);
      i = end;
    } else if (char === ':' && last !== undefined) {
      // Keys are compared unescaped: "\u0061" is "a".
      const key = JSON.parse(last) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    } else if (char === '{') open.push(new Set());
    else if (char === '[') open.push(undefined);
    else if (char === '}' || char === ']') open.pop();
  }
  return undefined;
}
