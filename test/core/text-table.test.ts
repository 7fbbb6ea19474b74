import { expect, it } from 'vitest';
import { alignColumns, textTable } from '#src/core/text-table.js';

it('leaves out columns that are empty', () => {
  const rows = [
    ['1', '', '22'],
    ['333', '', '4'],
  ];
  expect(textTable(['a', 'b', 'c'], rows).join('\n')).toBe('a    c\n1    22\n333  4');
});

it('aligns rows of fewer cells, and leaves no blanks at the end', () => {
  expect(alignColumns([['long', 'x'], ['a'], ['b', 'yy']])).toEqual(['long  x', 'a', 'b     yy']);
});
