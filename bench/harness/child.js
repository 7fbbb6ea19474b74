// @ts-check
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Ready
 * @property {Record<string, string>} versions
 * @property {string} [variant]
 * @property {Record<string, number>} [warmUp] µs a step of each variant while warming up
 * @property {number} [threads]
 * @property {string} [note]
 */

/** A subject in a process of its own that answers one JSON line at a time. */
export class Child {
  /** @param {string} command @param {readonly string[]} args @param {Record<string, string>} [environment] */
  constructor(command, args, environment = {}) {
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    this.errors = '';
    this.process.stderr.on('data', (chunk) => {
      this.errors = (this.errors + chunk).slice(-4000);
    });
    /** @type {Promise<void>} */
    this.ended = new Promise((resolve) => {
      this.process.once('close', () => resolve());
      this.process.once('error', (error) => {
        this.errors += error.message;
        resolve();
      });
    });
    this.process.stdin.on('error', () => undefined);
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /** The next answer. @returns {Promise<any>} */
  async answer() {
    for (;;) {
      const line = await Promise.race([this.lines.next(), this.ended.then(() => ({ done: true, value: '' }))]);
      if (line.done) throw new Error(`the subject ended early: ${this.errors.trim().split('\n').slice(-3).join(' | ') || 'no message'}`);
      // Libraries greet on stdout; only JSON lines are answers.
      if (!line.value.startsWith('{')) continue;
      const value = JSON.parse(line.value);
      if (typeof value.error === 'string') throw new Error(value.error);
      return value;
    }
  }

  /** Asks for one block. @returns {Promise<any>} */
  go() {
    this.process.stdin.write('go\n');
    return this.answer();
  }

  async stop() {
    this.process.stdin.end();
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 3000);
    await this.ended;
    clearTimeout(timer);
  }
}

/** A file of this folder, started by the Node that runs the bench. @param {string} file relative to bench/ @param {unknown} request @param {readonly string[]} [flags] */
export const nodeChild = (file, request, flags = []) =>
  new Child(process.execPath, [...flags, fileURLToPath(new URL(`../${file}`, import.meta.url)), JSON.stringify(request)]);

/** One question, one answer, then the end. @param {string} file @param {unknown} request @returns {Promise<any>} */
export async function askOnce(file, request) {
  const child = nodeChild(file, request);
  try {
    return await child.answer();
  } finally {
    await child.stop();
  }
}
