import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { traceLine } from '#src/vitals/trace-file.js';
import { madeUpTrace } from '../report/traces.js';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
afterAll(() => rmSync(folder, { recursive: true }));
const run = (...words: string[]) => spawnSync(process.execPath, ['dist/cli/main.js', 'report', ...words], { encoding: 'utf8', timeout: 60_000 });
const trace = join(folder, 'run.jsonl');
const { header, steps, passes } = madeUpTrace({ depth: 12, steps: 5, gain: 0.2 });
writeFileSync(trace, [header, ...steps, ...passes].map((record) => `${traceLine(record)}\n`).join(''));

it('writes a page from a recorded run, with the findings that are not ignored', () => {
  const out = join(folder, 'report.html');
  const { status, stdout, stderr } = run(trace, '-o', out, '--title', 'A <run>', '--ignore', 'vanishing-gradient');
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  expect(stderr).toMatch(/^wrote .*report\.html \(\d+ KiB\)\n$/);
  const page = readFileSync(out, 'utf8');
  expect(page).toMatch(/^<!doctype html>[\s\S]*<h1>A &lt;run&gt;<\/h1>/);
  expect(page).not.toContain('<code>vanishing-gradient</code>');
  expect(run(trace).stdout).toContain('<code>vanishing-gradient</code>');
});

it('says what is wrong with a file that is no trace', () => {
  const other = join(folder, 'other.jsonl');
  writeFileSync(other, '{"loss": 1}\n');
  const { status, stdout, stderr } = run(other);
  expect({ status: status === 0, stdout }).toEqual({ status: false, stdout: '' });
  expect(stderr).toMatch(/not a trace: its first line should be/);
});

it('looks where the page goes before it works', () => {
  expect(run(trace, '-o', join(folder, 'no', 'page.html'))).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringMatching(/--out: the folder of/),
  });
});
