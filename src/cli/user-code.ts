import { fileURLToPath } from 'node:url';

/** Folder of this package's own code. */
const own = fileURLToPath(new URL('..', import.meta.url));

/** Frames between a mistake in a module and its own line: layers that check, the loader that runs it. */
const FRAMES = 100;

/** Where a mistake in code of the user's own shows: `model.ts:6`, or `model.mjs:6:20`; undefined where none was running. */
export function placeInUserCode(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const place = (cause.stack ?? '').split('\n').flatMap(placeOf)[0];
    if (place !== undefined) return place;
  }
  return undefined;
}

function placeOf(frame: string): string[] {
  const [, url, path = '', line, column] = /^ {4}at (?:async )?(?:.*\()?(file:\/\/)?(\/.*|[A-Za-z]:[\\/].*):(\d+):(\d+)\)?$/.exec(frame) ?? [];
  const file = url === undefined ? path : fileURLToPath(`${url}${path}`);
  if (file === '' || file.startsWith(own) || /[\\/]node_modules[\\/]/.test(file)) return [];
  // What jiti translates keeps its lines, not its columns.
  return [url === undefined ? `${file}:${line}` : `${file}:${line}:${column}`];
}

/** What an error says, with the names that the user wrote, and without the loader's remarks. */
export function inUserWords(message: string): string {
  return message.replace(/\(0 ?, ?\w+\.(\w+)\)/g, '$1').replace(/\nRequire stack:[\s\S]*/, '');
}

/** Lets stacks reach the user's code. */
export function keepLongStacks(): void {
  Error.stackTraceLimit = FRAMES;
}
