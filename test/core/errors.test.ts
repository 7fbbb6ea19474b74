import { describe, expect, it } from 'vitest';
import * as errors from '#src/core/errors.js';
import { ArgumentError, EvenkeelError, ShapeError, show } from '#src/core/errors.js';

describe('errors', () => {
  const classes = Object.values(errors).filter((value): value is typeof EvenkeelError => typeof value === 'function' && value !== (show as unknown));

  it.each(classes.map((type) => [type.name, type] as const))('%s is an EvenkeelError under its own name, with details and cause', (name, type) => {
    const cause = new Error('inner');
    const error = new type('message', { layer: 'dense_1', argument: 'units', received: 0, expected: '≥ 1' }, { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(EvenkeelError);
    expect([error.name, error.message, error.cause]).toEqual([name, 'message', cause]);
    expect(error.details).toEqual({ layer: 'dense_1', argument: 'units', received: 0, expected: '≥ 1' });
  });

  it('end with advice for code, and have their message without it', () => {
    const error = new ArgumentError('too many; take less', {}, { advice: 'raise the limit' });
    expect([error.message, error.withoutAdvice]).toEqual(['too many; take less, or raise the limit', 'too many; take less']);
    expect(new ShapeError('x').withoutAdvice).toBe('x');
  });

  it('can be told apart', () => {
    expect(new ShapeError('x')).not.toBeInstanceOf(ArgumentError);
    expect(new ShapeError('x').details).toEqual({});
  });
});

describe('show', () => {
  it.each<[unknown, string]>([
    ['relu', "'relu'"],
    ['5', "'5'"],
    [5, '5'],
    [NaN, 'NaN'],
    [7n, '7n'],
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'true'],
    [[1, 'a', [2]], "[1, 'a', [2]]"],
    [[], '[]'],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9], '[1, 2, 3, 4, 5, 6, 7, 8, …]'],
    [{ a: 1 }, '{"a":1}'],
    [new Float32Array(3), 'a Float32Array'],
    [new Map(), 'a Map'],
    [function relu() {}, 'function relu'],
    [
      (
        () => () =>
          0
      )(),
      'a function',
    ],
    [Object.create(null), '{}'],
  ])('of %o is %s', (value, text) => {
    expect(show(value)).toBe(text);
  });

  it('takes what holds itself, and long whole numbers', () => {
    const [own, list]: [Record<string, unknown>, unknown[]] = [{ a: 1 }, [1]];
    own.b = own;
    list.push(list);
    expect(show(own)).toBe('an object of a, b');
    expect(show(list)).toBe('[1, [1, [1, [1, […]]]]]');
    expect(show({ a: 7n })).toBe('{"a":"7n"}');
  });

  it('keeps long text short', () => {
    expect(show('x'.repeat(1000))).toHaveLength(62);
    expect(show('x'.repeat(60))).toHaveLength(62);
    expect(show({ text: 'x'.repeat(1000) })).toHaveLength(80);
  });
});
