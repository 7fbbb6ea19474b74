// @ts-check

/** @param {number} seconds */
export function sayTime(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * Says how far a number of tasks has come, and what time is left: a line that is written over on a terminal, else a line for every tenth part.
 * @param {string} what @param {number} total @param {{ readonly out: NodeJS.WriteStream, readonly clock: () => number }} options clock in ms
 */
export function progress(what, total, { out, clock }) {
  const started = clock();
  let [done, told] = [0, 0];
  return () => {
    done++;
    const left = (((clock() - started) / 1000) * (total - done)) / done;
    const line = `${what} ${done} of ${total}${done < total ? `, ${sayTime(left)} left` : ` in ${sayTime((clock() - started) / 1000)}`}`;
    if (out.isTTY) out.write(`\r\x1b[K${line}${done === total ? '\n' : ''}`);
    else if (done === total || Math.floor((10 * done) / total) > told) {
      told = Math.floor((10 * done) / total);
      out.write(`${line}\n`);
    }
  };
}
