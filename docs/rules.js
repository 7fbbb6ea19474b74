// @ts-check
// Writes a page for every rule in docs/rules from the rules themselves: `npm run rules`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { rulePages } from '../dist/report/rule-pages.js';

const folder = new URL('rules/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [name, text] of rulePages()) writeFileSync(new URL(name, folder), text);
