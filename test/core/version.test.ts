import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { VERSION } from '#src/core/version.js';

it('is that of the package', () => {
  expect(VERSION).toBe((JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version);
});
