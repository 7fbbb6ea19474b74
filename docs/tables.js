// @ts-check
// Writes docs/tables.md from the tables themselves: `npm run tables`.
import { writeFileSync } from 'node:fs';
import { tablesPage } from '../dist/cli/list.js';

writeFileSync(new URL('tables.md', import.meta.url), tablesPage());
