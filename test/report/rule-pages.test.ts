import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rulePages } from '#src/report/rule-pages.js';

it('docs/rules holds the pages of all rules as they are; else run npm run rules', () => {
  const pages = rulePages();
  expect(readdirSync('docs/rules').toSorted()).toEqual([...pages.keys()].toSorted());
  for (const [name, text] of pages) expect(readFileSync(`docs/rules/${name}`, 'utf8')).toBe(text);
});

it('say what, from when, why, what answers it and how to silence it', () => {
  for (const [name, text] of rulePages()) {
    if (name === 'README.md') continue;
    expect(
      text
        .split('\n## ')
        .map((part) => part.split('\n')[0])
        .slice(1),
    ).toEqual(['What it looks for', 'Threshold', 'Why it hurts', 'Possible remedies', 'How to silence it']);
  }
});
