import { type UnzipFileInfo, type Unzipped, unzipSync } from 'fflate';
import { FileError } from '../core/errors.js';
import { crc32 } from './gzip.js';

const END = 0x06054b50;
const LOCATOR_64 = 0x07064b50;
const END_64 = 0x06064b50;
/** Bytes of an entry of the directory before its name. */
const ENTRY = 46;

/** The checksum of each entry, in the directory's order (APPNOTE 4.3.12), of an archive that fflate could read. */
function checksums(bytes: Uint8Array, count: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - 22;
  while (end > 0 && view.getUint32(end, true) !== END) end--;
  let at = view.getUint32(end + 16, true);
  if (end >= 20 && view.getUint32(end - 20, true) === LOCATOR_64) {
    const wide = view.getUint32(end - 12, true);
    if (view.getUint32(wide, true) === END_64) at = view.getUint32(wide + 48, true);
  }
  return Array.from({ length: count }, () => {
    const checksum = view.getUint32(at + 16, true);
    at += ENTRY + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    return checksum;
  });
}

/**
 * The files of a zip archive whose names end in `ending`, verified by their checksums, which fflate leaves to the caller. `name` stands for the archive in messages.
 * @throws FileError if it is none, or a corrupt one, and where it holds more than `maxBytes`.
 */
export function unzip(bytes: Uint8Array, ending: string, name: string, maxBytes: number): Map<string, Uint8Array> {
  const entries: string[] = [];
  let total = 0;
  const filter = ({ name: entry, originalSize }: UnzipFileInfo): boolean => {
    total += originalSize;
    if (total > maxBytes) throw new FileError(`${name}: it unpacks to more than ${maxBytes} bytes`, { received: total, expected: maxBytes });
    entries.push(entry);
    return entry.endsWith(ending);
  };
  let files: Unzipped;
  let expected: number[];
  try {
    files = unzipSync(bytes, { filter });
    expected = checksums(bytes, entries.length);
  } catch (cause) {
    if (cause instanceof FileError) throw cause;
    throw new FileError(
      `${name}: not an npz file (a zip archive), or it is corrupt (${cause instanceof Error ? cause.message : String(cause)})`,
      {},
      { cause },
    );
  }
  // Of two entries by one name fflate keeps the last.
  const known = new Map(entries.map((entry, i) => [entry, expected[i]]));
  for (const [entry, content] of Object.entries(files)) {
    if (crc32(content) !== known.get(entry))
      throw new FileError(`${name}: ${entry} is corrupt: its checksum does not match. Download or copy the file again.`, { received: entry });
  }
  return new Map(Object.entries(files));
}
