import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, expect, it } from 'vitest';

/** Inside the package, so that its own name leads to dist/. */
const folder = join('dist', `guides-${process.pid}`);
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));

const pages = ['README.md', ...readdirSync('docs/guides').map((name) => join('docs/guides', name))];

/** All TypeScript of a page, in order: later pieces go on from earlier ones. */
const codeOf = (page: string): string => [...readFileSync(page, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => match[1]).join('\n');
const fileOf = (page: string): string => join(folder, page.replace(/\W+/g, '-').replace(/-md$/, '.ts'));
for (const page of pages) writeFileSync(fileOf(page), `${codeOf(page)}\nexport {};\n`);

it('the code of every guide and of the README has the types that it uses', () => {
  const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile('tsconfig.build.json', ts.sys.readFile).config, ts.sys, '.');
  const { rootDir: _, outDir: __, tsBuildInfoFile: ___, incremental: ____, ...rest } = options;
  const program = ts.createProgram(pages.map(fileOf), { ...rest, noEmit: true, declaration: false, declarationMap: false, noUnusedLocals: false });
  const problems = ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const line = file ? file.text.slice(0, start).split('\n').length : 0;
    return `${file?.fileName}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
  expect(problems).toEqual([]);
});

it.each(pages.filter((page) => page !== 'README.md' && codeOf(page) !== ''))('%s runs', (page) => {
  const { outputText } = ts.transpileModule(readFileSync(fileOf(page), 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
  });
  const name = fileOf(page).replace(/\.ts$/, '.mjs');
  writeFileSync(name, outputText);
  const { status, stderr } = spawnSync(process.execPath, [join('..', '..', name)], { cwd: folder, encoding: 'utf8', timeout: 60_000 });
  expect({ status, error: status === 0 ? '' : stderr }).toEqual({ status: 0, error: '' });
});
