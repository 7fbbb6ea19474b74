import { type AppendHandle, errorCode, fileError, nodeFiles, writeAll } from './files.js';

/** Reversed polynomial of Castagnoli's CRC-32 (RFC 3720, appendix B.4). */
const CASTAGNOLI = 0x82f63b78;
/** What TFRecord adds to a rotated checksum, so that the checksum of data that holds checksums stays useful. */
const MASK = 0xa282ead8;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ CASTAGNOLI : rest >>> 1;
  return rest;
});

function maskedChecksum(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 255] ?? 0);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + MASK) >>> 0;
}

/** A record as TFRecord files hold it: its length (8 bytes), the length's checksum (4), the record, its checksum (4); little-endian. */
export function frameRecord(record: Uint8Array): Uint8Array {
  const { length } = record;
  const framed = new Uint8Array(length + 16);
  const view = new DataView(framed.buffer);
  view.setBigUint64(0, BigInt(length), true);
  view.setUint32(8, maskedChecksum(framed.subarray(0, 8)), true);
  framed.set(record, 12);
  view.setUint32(12 + length, maskedChecksum(record), true);
  return framed;
}

/** A TFRecord file that grows. It is open only while a record is written. */
export interface EventFile {
  readonly path: string;
  /** The record is with the operating system when this is done. @throws FileError if it cannot be written. */
  add(record: Uint8Array): Promise<void>;
}

/**
 * Begins an event file in a folder, which is made where there is none: `events.out.tfevents.<seconds>.evenkeel.<n>`, of a name that no file there has.
 * Needs Node. @param seconds whole seconds since 1970; TensorBoard reads the files of a folder in their names' order.
 * @throws FileError with its cause and what to do, where it cannot be written, and in a page.
 */
export async function openEvents(folder: string, seconds: number): Promise<EventFile> {
  const fs = await nodeFiles();
  const change = async (path: string, flags: string, work: (handle: AppendHandle) => Promise<void>): Promise<void> => {
    const handle = await fs.open(path, flags);
    try {
      await work(handle);
    } finally {
      await handle.close();
    }
  };
  const begin = async (n: number): Promise<string> => {
    const path = `${folder}/events.out.tfevents.${String(seconds).padStart(10, '0')}.evenkeel.${n}`;
    try {
      await change(path, 'wx', async () => undefined);
      return path;
    } catch (cause) {
      if (errorCode(cause) === 'EEXIST') return begin(n + 1);
      throw cause;
    }
  };
  let path: string;
  try {
    await fs.mkdir(folder, { recursive: true });
    path = await begin(0);
  } catch (cause) {
    throw fileError(`cannot write events into '${folder}'`, cause);
  }
  return {
    path,
    async add(record) {
      try {
        await change(path, 'a', (handle) => writeAll(handle, frameRecord(record)));
      } catch (cause) {
        throw fileError(`cannot write '${path}'`, cause);
      }
    },
  };
}
