import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a module in a Node process of its own, from the package's folder. A process that does not end within 30 seconds is killed: its code is then null. */
export function runScript(
  code: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; output: string; errors: string }> {
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...process.env, ...env }, timeout: 30_000, killSignal: 'SIGKILL' } as const;
    const child = execFile(process.execPath, ['--input-type=module', '-e', code], options, (_, output, errors) => {
      resolve({ code: child.exitCode, output, errors });
    });
  });
}
