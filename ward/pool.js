// @ts-check
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('worker.js', import.meta.url));

/**
 * Does tasks in processes of their own, as many at a time as there are cores. One whose process dies is told as failed, and the next gets a new process.
 * @template Task
 * @param {readonly Task[]} tasks
 * @param {object} options
 * @param {number} options.cores
 * @param {AbortSignal} [options.signal] hands out no more tasks; those under way are waited for
 * @param {(task: Task, outcome: { readonly done?: any, readonly error?: string }) => void} options.onOutcome
 */
export async function runTasks(tasks, { cores, signal, onOutcome }) {
  let next = 0;
  const lane = async () => {
    let child = start();
    for (;;) {
      const task = signal?.aborted ? undefined : tasks[next++];
      if (task === undefined) break;
      const outcome = await ask(child, task);
      onOutcome(task, outcome);
      if (!child.connected) child = start();
    }
    child.kill();
  };
  await Promise.all(Array.from({ length: Math.min(cores, tasks.length) }, lane));
}

const start = () => fork(script, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });

/** @param {import('node:child_process').ChildProcess} child @param {any} task @returns {Promise<{ done?: unknown, error?: string }>} */
function ask(child, task) {
  return new Promise((resolve) => {
    const settle = (/** @type {{ done?: unknown, error?: string }} */ outcome) => {
      child.removeAllListeners();
      resolve(outcome);
    };
    child.once('message', (message) => settle(/** @type {{ done?: unknown, error?: string }} */ (message)));
    child.once('exit', (code, signal) => settle({ error: `its process ended with ${signal ?? `code ${code}`}` }));
    child.send(task);
  });
}
