import { expect, it } from 'vitest';
import { looksOf } from '#src/cli/print.js';

it('colours a terminal alone, and none where the reader wants none', () => {
  const terminal = { isTTY: true, columns: 120 };
  expect(looksOf(terminal, {})).toEqual({ colour: true, width: 120 });
  expect(looksOf(terminal, { TERM: 'xterm-256color', NO_COLOR: '' })).toEqual({ colour: true, width: 120 });
  expect(looksOf(terminal, { NO_COLOR: '1' }).colour).toBe(false);
  expect(looksOf(terminal, { TERM: 'dumb' }).colour).toBe(false);
  expect(looksOf({}, {})).toEqual({ colour: false, width: 80 });
});
