import { ArgumentError, doctor, type Finding, optimizers, type Schedule, schedules } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { build, row } from './patients.js';
import { glyphSet } from './sets.js';

const sick = () => build({ hidden: () => row(20, 32, { activation: 'sigmoid' }) });
const healthy = () => build({ hidden: () => row(3, 32, { activation: 'relu', kernelInitializer: 'heNormal' }) });

describe('watch', () => {
  it('tells each finding once, as it shows', async () => {
    const lines: string[] = [];
    const { trace } = await sick().fit(glyphSet, { epochs: 2, verbose: 0, callbacks: [doctor.watch({ warn: (line) => lines.push(line) })] });
    expect(lines.filter((line) => line.startsWith('ill vanishing-gradient:'))).toHaveLength(1);
    expect(new Set(lines.map((line) => line.split(':')[0])).size).toBe(lines.length);
    expect(trace?.epochs).toHaveLength(2);
  });

  it('stops at the first thing that makes training suffer', async () => {
    const history = await sick().fit(glyphSet, { epochs: 5, verbose: 0, callbacks: [doctor.watch({ onFinding: 'stop', warn: () => {} })] });
    expect(history.epoch.length).toBeLessThan(5);
  });

  it('says nothing of a healthy network, nor of rules that are left out', async () => {
    const found: Finding[] = [];
    const onFinding = (finding: Finding) => void found.push(finding);
    await healthy().fit(glyphSet, { epochs: 1, verbose: 0, callbacks: [doctor.watch({ onFinding })] });
    expect(found).toEqual([]);
    const ignore = ['vanishing-gradient', 'signal-dying', 'uneven-speeds', 'loss-stalls', 'initializer-mismatch'];
    await sick().fit(glyphSet, { epochs: 1, verbose: 0, callbacks: [doctor.watch({ onFinding, ignore })] });
    expect(found.filter(({ rule }) => ignore.includes(rule))).toEqual([]);
  });

  it('does not take the first step of a warm-up for one that is too small', async () => {
    const warm = schedules.cosineDecay({ initialLearningRate: 0, decaySteps: 100, warmupTarget: 0.01, warmupSteps: 10 });
    const rows = { x: glyphSet.x.slice(0, 64), y: glyphSet.y.slice(0, 64) };
    const seen = async (learningRate: number | Schedule, by: typeof optimizers.sgd | typeof optimizers.adam) => {
      const net = build({
        hidden: () => row(2, 32, { activation: 'relu', kernelInitializer: 'heNormal' }),
        compile: { optimizer: by({ learningRate }) },
      });
      return doctor.diagnose(await net.examine(rows.x, rows.y)).map(({ rule }) => rule);
    };
    for (const by of [optimizers.sgd, optimizers.adam]) {
      expect(await seen(warm, by)).not.toContain('step-too-small');
      expect(await seen(0, by)).toContain('step-too-small');
    }
  });

  it('names the place of a value that is not finite', async () => {
    const found: Finding[] = [];
    const net = build({ hidden: () => row(3, 32, { activation: 'relu' }), compile: { optimizer: optimizers.sgd({ learningRate: 1e8 }) } });
    const fit = net.fit(glyphSet, { epochs: 1, verbose: 0, callbacks: [doctor.watch({ onFinding: (finding) => void found.push(finding) })] });
    await expect(fit).rejects.toThrow(/the first non-finite value/);
    expect(found.find(({ rule }) => rule === 'not-finite')?.cause).toMatch(/in step \d+, \w+ of \w+/);
  });

  it('refuses options that it does not know', () => {
    expect(() => doctor.watch({ onFinding: 'shout' as 'warn' })).toThrow(ArgumentError);
    expect(() => doctor.watch({ ignore: ['saturatio'] })).toThrow(/did you mean 'saturation'/);
    expect(() => doctor.watch({ warn: 5 as never })).toThrow('watch: expected a function of a line for warn, such as console.warn, got 5');
    expect(() => doctor.watch({ baseline: [{}] as never })).toThrow(/^watch: expected a list of accepted findings, such as \{ rule, layers \}/);
    expect(() => doctor.watch({ baseline: 'accepted.json' as never })).toThrow(/^watch: baseline must be a list/);
  });
});
