import { AbortError } from '../core/errors.js';

/** The error of a training that its signal stopped. @param step steps taken so far. */
export const stopped = ({ reason }: AbortSignal, step: number): AbortError =>
  new AbortError(`training was aborted after step ${step}`, {}, { cause: reason });

/** What `work` gives, or AbortError as soon as the signal fires: work that hangs holds nobody up. @param step steps taken so far. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined, step: number): Promise<T> {
  if (!signal) return work;
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(stopped(signal, step));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
