import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Records } from '../../ward/records.js';

const folder = mkdtempSync(join(tmpdir(), 'ward-'));
afterAll(() => rmSync(folder, { recursive: true }));

const open = (name: string, header: unknown = { version: 1 }) =>
  new Records<{ readonly seed: number }>(join(folder, name), header, (path) => `${path} is of another run`);

describe('records', () => {
  it('are there again after a stop', () => {
    const first = open('kept.jsonl');
    first.add({ seed: 3 });
    first.add({ seed: 1 });
    expect(open('kept.jsonl').items).toEqual([{ seed: 3 }, { seed: 1 }]);
  });

  it('leave out a last line that was torn, and go on behind the whole ones', () => {
    open('torn.jsonl').add({ seed: 3 });
    appendFileSync(join(folder, 'torn.jsonl'), '{"seed":4');
    const again = open('torn.jsonl');
    expect(again.items).toEqual([{ seed: 3 }]);
    again.add({ seed: 5 });
    expect(readFileSync(join(folder, 'torn.jsonl'), 'utf8')).toBe('{"version":1}\n{"seed":3}\n{"seed":5}\n');
  });

  it('refuse a file that was made otherwise', () => {
    open('other.jsonl').add({ seed: 3 });
    expect(() => open('other.jsonl', { version: 2 })).toThrow('is of another run');
  });
});
