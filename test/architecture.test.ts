import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The stair of docs/architecture.md, top first. A file may import from its own room and from rooms on lines below. */
const stair: readonly (readonly string[])[] = [
  ['cli'],
  ['index.ts'],
  ['report'],
  ['views'],
  ['doctor'],
  ['model'],
  ['training'],
  ['layers'],
  ['network'],
  ['vitals'],
  ['optimizers.ts', 'metrics.ts'],
  ['optimizers'],
  ['metrics'],
  ['losses.ts', 'activations.ts', 'schedules.ts', 'regularizers.ts', 'constraints.ts'],
  ['losses'],
  ['initializers.ts'],
  ['initializers'],
  ['theory', 'runtime'],
  ['graph'],
  ['data'],
  ['storage'],
  ['core'],
];

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const text = new Map(files.map((file) => [file, readFileSync(join('src', file), 'utf8')]));

/** What a file imports, type-only and dynamic imports included. */
function importsOf(file: string): string[] {
  return [...(text.get(file) ?? '').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
}

function localImports(file: string): string[] {
  return importsOf(file).flatMap((name) => {
    if (name === '#runtime') return ['runtime/node.ts'];
    return name.startsWith('.') && name.endsWith('.js') ? [relative('.', join(dirname(file), name)).replace(/\.js$/, '.ts')] : [];
  });
}

const room = (file: string): string => file.split('/')[0] ?? file;
const lineOf = (file: string): number => stair.findIndex((line) => line.includes(room(file)));

/** What runs in Node alone; of its files pages load none. */
const inNodeAlone = /^(cli\/|runtime\/(node|node-workers|engine-worker|worker-control)\.ts$)/;

it('imports nothing of Node where a bundler for a page looks', () => {
  const code = (file: string): string => (text.get(file) ?? '').replaceAll(/typeof import\(/g, '');
  expect(files.filter((file) => !inNodeAlone.test(file) && /(?:from|import\()\s*'node:/.test(code(file)))).toEqual([]);
});

describe('the stair', () => {
  it('has a place for every file', () => {
    expect(files.filter((file) => lineOf(file) < 0)).toEqual([]);
  });

  it('is imported downwards only', () => {
    const wrong = files.flatMap((file) =>
      localImports(file)
        .filter((target) => room(target) !== room(file) && lineOf(target) <= lineOf(file))
        .map((target) => `${file} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has no cycle between files', () => {
    const done = new Set<string>();
    const path: string[] = [];
    const cycles: string[] = [];
    const visit = (file: string): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      if (done.has(file) || path.includes(file)) return;
      path.push(file);
      for (const target of localImports(file)) visit(target);
      path.pop();
      done.add(file);
    };
    files.forEach(visit);
    expect(cycles).toEqual([]);
  });

  it('has no file of more than 400 lines', () => {
    expect(files.filter((file) => (text.get(file) ?? '').split('\n').length > 401)).toEqual([]);
  });

  it('uses only packages that the package depends on', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
    const names = files
      .flatMap(importsOf)
      .filter((name) => /^[@a-z][\w./@-]*$/.test(name))
      .map((name) =>
        name
          .split('/')
          .slice(0, name.startsWith('@') ? 2 : 1)
          .join('/'),
      );
    expect([...new Set(names)].filter((name) => !(name in dependencies) && name !== 'onnxruntime-common')).toEqual([]);
  });
});
