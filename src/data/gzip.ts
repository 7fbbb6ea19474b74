import { gunzipSync } from 'fflate';
import { FileError } from '../core/errors.js';

/** Deflate cannot shrink data further than this: a larger claim is a lie, found before anything is allocated. */
const MAX_RATIO = 1032;

let table: Uint32Array | undefined;

/** Four tables for four bytes at a time ("slicing by 4", Kounavis and Berry 2005). */
function crcTable(): Uint32Array {
  if (table) return table;
  table = new Uint32Array(1024);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    table[byte] = crc;
  }
  for (let i = 256; i < 1024; i++) {
    const before = table[i - 256] ?? 0;
    table[i] = (before >>> 8) ^ (table[before & 255] ?? 0);
  }
  return table;
}

/** CRC-32 as gzip uses it (RFC 1952). */
export function crc32(bytes: Uint8Array): number {
  const t = crcTable();
  let crc = -1;
  let i = 0;
  for (; i + 4 <= bytes.length; i += 4) {
    crc ^= (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 24);
    crc = (t[768 + (crc & 255)] ?? 0) ^ (t[512 + ((crc >>> 8) & 255)] ?? 0) ^ (t[256 + ((crc >>> 16) & 255)] ?? 0) ^ (t[crc >>> 24] ?? 0);
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[i] ?? 0)) & 255] ?? 0);
  return ~crc >>> 0;
}

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Decompresses one gzip member and verifies its length and checksum, which fflate leaves to the caller.
 * @throws FileError for a truncated or corrupt file, or one that claims more than `maxBytes` (default 2 GiB).
 */
export function gunzip(bytes: Uint8Array, name: string, maxBytes = 2 ** 31): Uint8Array {
  if (bytes.length < 18) throw new FileError(`${name}: a gzip file has at least 18 bytes, this one has ${bytes.length}; it was cut off`);
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8, 8);
  const [checksum, size] = [trailer.getUint32(0, true), trailer.getUint32(4, true)];
  const broken = `${name}: the gzip data is truncated or corrupt`;
  const remedy = 'Fetch or copy the file again.';
  if (size > bytes.length * MAX_RATIO) {
    throw new FileError(`${broken}: its last bytes claim ${size} bytes, more than ${bytes.length} compressed ones can hold. ${remedy}`);
  }
  if (size > maxBytes) throw new FileError(`${name}: decompresses to ${size} bytes; at most ${maxBytes} were expected. Is it the right file?`);
  let result: Uint8Array;
  try {
    result = gunzipSync(bytes);
  } catch (cause) {
    throw new FileError(`${broken} (${cause instanceof Error ? cause.message : String(cause)}). ${remedy}`, {}, { cause });
  }
  if (result.length !== size || crc32(result) !== checksum) throw new FileError(`${broken}: its checksum does not fit. ${remedy}`);
  return result;
}
