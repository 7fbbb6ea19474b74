/** `kernelInitializer` as Python has it: `kernel_initializer`. */
export const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** `batchNormalization` as a class's name: `BatchNormalization`. */
export const pascal = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** A value as Python writes it. */
export function literal(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'string') return `"${value}"`;
  if (Array.isArray(value)) return value.length === 1 ? `(${literal(value[0])},)` : `(${value.map(literal).join(', ')})`;
  return String(value);
}

/** `1, name=2`. */
export function argumentList(leads: readonly string[], options: readonly (readonly [string, string])[]): string {
  return [...leads, ...options.map(([key, value]) => `${key}=${value}`)].join(', ');
}
