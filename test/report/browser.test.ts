import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { diagnose } from '#src/doctor/diagnose.js';
import { Examination } from '#src/doctor/examination.js';
import { reportHtml } from '#src/report/html.js';
import { chromium, Page } from './chromium.js';
import { madeUpTrace } from './traces.js';

const trace = madeUpTrace({ depth: 12, steps: 40, gain: 0.2 });
const html = reportHtml({ examination: new Examination(trace), findings: diagnose(trace) });

describe.skipIf(chromium === undefined)('a report in Chromium (skipped where it is not installed)', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
  const file = join(folder, 'report.html');
  writeFileSync(file, html);
  let page: Page;
  const open = async (options: { width?: number; hash?: string } = {}): Promise<Page> => {
    page = await Page.open(chromium ?? '', `file://${file}${options.hash ?? ''}`, options);
    return page;
  };
  afterEach(() => page.close());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const focused = (): Promise<unknown> => page.evaluate('document.activeElement.id || document.activeElement.textContent');
  const paths = (kind: string): Promise<unknown> =>
    page.evaluate(`[...document.querySelectorAll('path.${kind}')].map((path) => path.getAttribute('d'))`);

  it('its script runs without a complaint, draws the chosen step and marks the layer of a link', async () => {
    await open({ hash: '#layer-4' });
    expect(await page.evaluate('document.documentElement.className')).toBe('live');
    expect(await page.evaluate("document.getElementById('step-shown').textContent")).toMatch(/^step \d+$/);
    expect(await paths('chosen')).toEqual(Array.from({ length: 4 }, () => expect.stringMatching(/^M[\d.]+ [\d.]+h0L/)));
    expect(await paths('guide')).toEqual(Array.from({ length: 4 }, () => expect.stringMatching(/^M[\d.]+ \d+v\d+/)));
    expect(page.complaints).toEqual([]);
  });

  it('is read by keys alone: past the head to the findings, to the slider, and through the steps', async () => {
    await open();
    await page.press('Tab');
    expect(await focused()).toBe('To the findings');
    await page.press('Enter');
    expect(await page.evaluate('location.hash')).toBe('#findings');
    for (let presses = 0; presses < 200 && (await focused()) !== 'step'; presses++) await page.press('Tab');
    expect(await focused()).toBe('step');

    const shown = (): Promise<unknown> => page.evaluate("document.getElementById('step').getAttribute('aria-valuetext')");
    const [step, drawn] = [await shown(), await paths('chosen')];
    await page.press('ArrowRight');
    expect(await shown()).not.toBe(step);
    expect(await paths('chosen')).not.toEqual(drawn);
    await page.press('ArrowLeft');
    expect([await shown(), await paths('chosen')]).toEqual([step, drawn]);
    await page.press('End');
    expect(await shown()).toBe('step 40');
    await page.press('Home');
    expect(await shown()).toBe('step 1');
    await page.press('Tab');
    expect(await focused()).not.toBe('step');
  });

  it('tells a screen reader what everything is', async () => {
    await open();
    const nodes = await page.accessible();
    const nameless = nodes.filter(({ role, name, focusable }) => name === '' && (focusable || ['image', 'link', 'slider', 'heading'].includes(role)));
    expect(nameless.filter(({ role }) => role !== 'RootWebArea')).toEqual([]);
    const [slider] = nodes.filter(({ role }) => role === 'slider');
    expect(slider?.name).toBe('Chosen step');
    expect(nodes.filter(({ role }) => role === 'image')).toHaveLength(8);
    const levels = nodes.flatMap(({ role, level }) => (role === 'heading' && level !== undefined ? [level] : []));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    levels.reduce((before, level) => {
      expect(level - before).toBeLessThanOrEqual(1);
      return level;
    });
    for (const role of ['main', 'banner']) expect(nodes.map((node) => node.role)).toContain(role);
  });

  it.each([1280, 390])('fits a window of %i pixels without scrolling sideways', async (width) => {
    await open({ width });
    const wide = Number(await page.evaluate('document.documentElement.clientWidth'));
    expect(width - wide).toBeLessThan(20);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(wide);
  });

  it('is dark where the reader wants it dark, and readable both ways', async () => {
    await open();
    const contrast = `(() => {
      const luminance = (colour) => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const style = getComputedStyle(document.body);
      const [ink, paper] = [style.color, getComputedStyle(document.documentElement).backgroundColor === 'rgba(0, 0, 0, 0)' ? style.backgroundColor : getComputedStyle(document.documentElement).backgroundColor].map(luminance);
      return { paper, ratio: (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05) };
    })()`;
    const looks = async (value: string): Promise<{ paper: number; ratio: number }> => {
      await page.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] });
      return (await page.evaluate(contrast)) as { paper: number; ratio: number };
    };
    const [light, dark] = [await looks('light'), await looks('dark')];
    expect(light.paper).toBeGreaterThan(0.8);
    expect(dark.paper).toBeLessThan(0.1);
    // What WCAG 2.2 asks for its level AAA.
    expect(Math.min(light.ratio, dark.ratio)).toBeGreaterThan(7);
  });
});
