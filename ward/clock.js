// @ts-check

/** Seconds of computation that this process has used. A training takes one thread, so this is its time on a machine that does nothing else; other load does not count. */
export function busySeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
