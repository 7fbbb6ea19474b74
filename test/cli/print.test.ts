import { expect, it } from 'vitest';
import { looksOf, reportError, UsageError } from '#src/cli/print.js';
import { AbortError } from '#src/core/errors.js';

it('colours a terminal alone, and none where the reader wants none', () => {
  const terminal = { isTTY: true, columns: 120 };
  expect(looksOf(terminal, {})).toEqual({ colour: true, width: 120 });
  expect(looksOf(terminal, { TERM: 'xterm-256color', NO_COLOR: '' })).toEqual({ colour: true, width: 120 });
  expect(looksOf(terminal, { NO_COLOR: '1' }).colour).toBe(false);
  expect(looksOf(terminal, { TERM: 'dumb' }).colour).toBe(false);
  expect(looksOf({}, {})).toEqual({ colour: false, width: 80 });
});

it('gives work that was stopped the exit status of Ctrl-C, whoever stopped it', () => {
  expect(reportError(new AbortError('loading was stopped'), false)).toBe(130);
  expect(reportError(new UsageError('no'), false)).toBe(2);
  expect(reportError(new Error('no'), false)).toBe(1);
});
