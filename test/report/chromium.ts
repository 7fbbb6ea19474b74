import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** Debian's Chromium; undefined where there is none. */
export const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

type Answer = Record<string, unknown>;

/** A node of the tree that a screen reader sees. */
export interface AccessibleNode {
  readonly role: string;
  readonly name: string;
  readonly focusable: boolean;
  readonly level: number | undefined;
}

/** A page open in a headless Chromium, driven over the DevTools protocol through two pipes. */
export class Page {
  readonly #child: ReturnType<typeof spawn>;
  readonly #folder: string;
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  readonly #events: string[] = [];
  #session: string | undefined;
  #last = 0;
  #rest = '';

  private constructor(binary: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'evenkeel-chromium-'));
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe', `--user-data-dir=${this.#folder}`, 'about:blank'];
    this.#child = spawn(binary, flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    (this.#child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const messages = (this.#rest + text).split('\0');
      this.#rest = messages.pop() ?? '';
      for (const message of messages) this.#take(JSON.parse(message));
    });
  }

  /** @param address `file:` of the page. */
  static async open(binary: string, address: string, { width = 1280, height = 900 } = {}): Promise<Page> {
    const page = new Page(binary);
    const { targetId } = await page.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await page.send('Target.attachToTarget', { targetId, flatten: true });
    page.#session = sessionId as string;
    for (const domain of ['Page', 'Runtime', 'Accessibility']) await page.send(`${domain}.enable`);
    await page.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    await page.send('Page.navigate', { url: address });
    while ((await page.evaluate('document.readyState')) !== 'complete' || (await page.evaluate('location.protocol')) !== 'file:');
    return page;
  }

  /** Messages of the page's console and uncaught errors. */
  get complaints(): readonly string[] {
    return this.#events;
  }

  send(method: string, params: Answer = {}): Promise<Answer> {
    const id = ++this.#last;
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...(this.#session ? { sessionId: this.#session } : {}) })}\0`);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
  }

  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { value?: unknown }).value;
  }

  /** Presses and releases a key, as a person at the keyboard does. */
  async press(key: 'Tab' | 'Enter' | 'ArrowLeft' | 'ArrowRight' | 'Home' | 'End'): Promise<void> {
    const codes = { Tab: 9, Enter: 13, End: 35, Home: 36, ArrowLeft: 37, ArrowRight: 39 };
    const common = { key, code: key, windowsVirtualKeyCode: codes[key], ...(key === 'Enter' ? { text: '\r' } : {}) };
    await this.send('Input.dispatchKeyEvent', { type: key === 'Enter' ? 'keyDown' : 'rawKeyDown', ...common });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...common });
  }

  /** What a screen reader is told, in order. */
  async accessible(): Promise<AccessibleNode[]> {
    const { nodes } = (await this.send('Accessibility.getFullAXTree')) as {
      nodes: {
        ignored: boolean;
        role?: { value: string };
        name?: { value: string };
        properties?: { name: string; value: { value: unknown } }[];
      }[];
    };
    return nodes
      .filter(({ ignored }) => !ignored)
      .map(({ role, name, properties = [] }) => {
        const property = (wanted: string): unknown => properties.find((one) => one.name === wanted)?.value.value;
        const level = property('level');
        return {
          role: role?.value ?? '',
          name: name?.value ?? '',
          focusable: property('focusable') === true,
          level: typeof level === 'number' ? level : undefined,
        };
      });
  }

  async close(): Promise<void> {
    // Killed, it would leave processes behind that still write to its folder.
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#session = undefined;
    void this.send('Browser.close');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #take(message: { id?: number; method?: string; params?: Answer; result?: Answer; error?: { message: string } }): void {
    if (message.method === 'Runtime.exceptionThrown' || message.method === 'Runtime.consoleAPICalled')
      this.#events.push(JSON.stringify(message.params));
    const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id);
    if (!waiting || message.id === undefined) return;
    this.#waiting.delete(message.id);
    if (message.error) waiting.reject(new Error(message.error.message));
    else waiting.resolve(message.result ?? {});
  }
}
