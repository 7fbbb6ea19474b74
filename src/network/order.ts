/**
 * What some ends need, each behind all that it takes: first what begins, then one end after the other with what stands before it.
 * @param takes what each takes, in order.
 */
export function inOrder<T>(begins: readonly T[], ends: readonly T[], takes: (one: T) => readonly T[]): T[] {
  const order = new Set(begins);
  const stack = ends.map((one) => ({ one, before: takes(one), next: 0 })).reverse();
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    const before = order.has(top.one) ? undefined : top.before[top.next++];
    if (before === undefined) {
      order.add(top.one);
      stack.pop();
    } else if (!order.has(before)) stack.push({ one: before, before: takes(before), next: 0 });
  }
  return [...order];
}
