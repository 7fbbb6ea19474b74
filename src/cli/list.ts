import type { Command } from 'commander';
import { type Activation, activations } from '../activations.js';
import { constraints } from '../constraints.js';
import type { Named } from '../core/catalogue.js';
import { unlessRefused } from '../core/expect.js';
import { lookUp } from '../core/names.js';
import { alignColumns } from '../core/text-table.js';
import { datasets } from '../data/datasets.js';
import { remedies } from '../doctor/remedies.js';
import { rules } from '../doctor/rules/index.js';
import { methodOf } from '../doctor/treatment/methods.js';
import { initializers } from '../initializers.js';
import { layers } from '../layers/index.js';
import { type Loss, losses } from '../losses.js';
import { type Metric, metrics } from '../metrics.js';
import { type Optimizer, optimizers } from '../optimizers.js';
import { regularizers } from '../regularizers.js';
import { kerasClass } from '../report/code/keras-names.js';
import { pascal, snake } from '../report/code/python.js';
import { schedules } from '../schedules.js';
import { callbacks } from '../training/callbacks/index.js';
import { nameFor, printResult } from './print.js';

/** What one kind of thing that is picked by name holds: a row per entry, its name first. */
export interface NameTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

type Cells<T> = (entry: T) => Readonly<Record<string, string>>;

const showNumber = (value: number): string =>
  (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)))).replace('Infinity', '∞');

const yes = (flag: boolean): string => (flag ? 'yes' : '');

function options({ config }: Named): string {
  const show = (value: unknown): string => (typeof value === 'number' ? showNumber(value) : String(value));
  return Object.entries(config)
    .map(([name, value]) => `${name} ${show(value)}`)
    .join(', ');
}

/** What Keras 3 does not have. */
const own: readonly string[] = ['repeat', 'rrelu', 'thresholdedRelu', 'jsonlLogger', 'traceFile'];

/** Reads a table of makers: each entry's defaults, unless it needs options, then what `cells` says of it. */
function makers<T extends Named>(table: Readonly<Record<string, () => T>>, cells: Cells<T> = () => ({})): NameTable {
  const entries = Object.entries(table).map(([name, make]) => ({ name, entry: unlessRefused(make) }));
  const facts = entries.map(({ name, entry }): Record<string, string> => {
    return { name, 'also written': snake(name), ...(entry ? { options: options(entry), ...cells(entry) } : { options: 'required' }) };
  });
  const columns = [...new Set(facts.flatMap((fact) => Object.keys(fact)))];
  return { columns, rows: facts.map((fact) => columns.map((column) => fact[column] ?? '')) };
}

/** Names alone, with Keras's. */
function named(names: readonly string[]): NameTable {
  return { columns: ['name', 'in Keras'], rows: names.map((name) => [name, own.includes(name) ? '' : kerasClass(name)]) };
}

const activationCells: Cells<Activation> = (entry) => ({
  range: `${showNumber(entry.range[0])} … ${showNumber(entry.range[1])}`,
  saturates: entry.saturates === 'none' ? '' : entry.saturates,
  'smooth at 0': yes(entry.smooth),
  'can die': yes(entry.canDie),
  'can fall into a coma': yes(entry.canComa),
  'self-normalizing': yes(entry.selfNormalizing),
  initializer: entry.initializer,
});

/** What treatments change, or leave to people. */
function remedyTable(): NameTable {
  const rows = Object.values(remedies).map(({ id, what }) => [id, what, methodOf(id)?.method.alters.join(', ') ?? 'only proposed']);
  return { columns: ['name', 'what it is', 'alters'], rows };
}

/** How every kind of thing that users pick by name is read from its table, whatever the table holds by then. */
const kinds: Readonly<Record<string, () => NameTable>> = {
  activations: () => makers(activations, activationCells),
  initializers: () => makers(initializers),
  losses: () => makers<Loss>(losses, ({ targets }) => ({ targets: targets ?? '' })),
  metrics: () => makers<Metric>(metrics),
  optimizers: () => makers<Optimizer>(optimizers, ({ slots }) => ({ slots: slots.join(', ') })),
  schedules: () => makers(schedules),
  regularizers: () => makers(regularizers),
  constraints: () => makers(constraints),
  layers: () => named(Object.keys(layers)),
  callbacks: () => named(Object.keys(callbacks)),
  datasets: () => ({ columns: ['name'], rows: datasets.names.map((name) => [name]) }),
  rules: () => ({ columns: ['name', 'finds'], rows: rules.map(({ id, title }) => [id, title]) }),
  remedies: remedyTable,
};

/** Kinds of things that users pick by name. */
export const kindNames: readonly string[] = Object.keys(kinds);

/** What exists of one kind. @throws ArgumentError on an unknown kind, with the nearest one. */
export function tableOf(kind: string): NameTable {
  return lookUp('kind', kind, kinds)();
}

/** One kind in columns, or without `kind` the names of all. @throws ArgumentError on an unknown kind, with the nearest one. */
export function listText(kind?: string): string {
  if (kind === undefined) return kindNames.map((name) => `${name}: ${namesOf(name).join(', ')}`).join('\n');
  const { columns, rows } = tableOf(kind);
  return alignColumns([columns, ...rows]).join('\n');
}

function namesOf(kind: string): string[] {
  return tableOf(kind).rows.map(([name = '']) => name);
}

/** Every kind as a Markdown table: the page docs/tables.md. */
export function tablesPage(): string {
  const section = (kind: string): string => {
    const { columns, rows } = tableOf(kind);
    const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
    return [`## ${pascal(kind)}`, '', line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
  };
  const head = `# Everything that is picked by name

Generated by \`npm run tables\` from the tables in the code; \`evenkeel list [KIND]\` prints the same. Options are shown with their defaults.
In names given as strings, underscores and capitals do not matter.`;
  return `${[head, ...kindNames.map(section)].join('\n\n')}\n`;
}

/** `evenkeel list`. */
export function addList(program: Command): void {
  program
    .command('list')
    .argument('[KIND]', kindNames.join(', '), nameFor(tableOf))
    .description('print everything that can be picked by name')
    .action((kind?: string) => printResult(listText(kind)));
}
