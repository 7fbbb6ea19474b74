import { Gunzip, gunzipSync } from 'fflate';
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

/** What is left to decode of a file of members is copied for each: little at a time. */
const CHUNK = 2 ** 15;

/** Bytes of zeros behind the last other byte that may belong to the last member: the lengths of small members end in zeros, empty ones have no others. */
const OWN_ZEROS = 12;

/** Whether more than one member may be within, as `cat a.gz b.gz` and bgzip make, or zeros behind one: headers are looked for, which data may look like. */
function mayHoldMore(bytes: Uint8Array, size: number): boolean {
  if (size === 0) return true;
  for (let at = bytes.indexOf(0x1f, 18); at >= 0; at = bytes.indexOf(0x1f, at + 1)) if (bytes[at + 1] === 0x8b && bytes[at + 2] === 8) return true;
  return false;
}

/** Whether the eight bytes before `end` are the checksum and the length of what a member holds. */
function fits(content: Uint8Array, bytes: Uint8Array, end: number): boolean {
  if (end < 18) return false;
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + end - 8, 8);
  return trailer.getUint32(4, true) === content.length && trailer.getUint32(0, true) === crc32(content);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  if (only && pieces.length === 1) return only;
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** What all members hold, one behind the other. Throws what `refuse` does where one's checksum does not fit; `grown` is told the bytes so far. */
function gunzipMembers(bytes: Uint8Array, grown: (total: number) => void, refuse: () => never): Uint8Array {
  const members: Uint8Array[] = [];
  let pieces: Uint8Array[] = [];
  let total = 0;
  const stream = new Gunzip((piece) => {
    total += piece.length;
    grown(total);
    if (piece.length > 0) pieces.push(piece);
  });
  stream.onmember = (start) => {
    const member = joined(pieces);
    if (!fits(member, bytes, start)) refuse();
    members.push(member);
    pieces = [];
  };
  let zeros = bytes.length;
  while (zeros > 0 && bytes[zeros - 1] === 0) zeros--;
  for (let at = 0; at < zeros; at += CHUNK) stream.push(bytes.subarray(at, Math.min(at + CHUNK, zeros)));
  // Some of the zeros are the last member's own, those behind it fill up a block of a tape or a disk.
  const most = Math.min(bytes.length, zeros + OWN_ZEROS);
  let end = zeros;
  let last = joined(pieces);
  let whole = fits(last, bytes, end);
  while (!whole && end < most) {
    stream.push(bytes.subarray(end, end + 1));
    end++;
    last = joined(pieces);
    whole = fits(last, bytes, end);
  }
  // Throws where it waits for more.
  stream.push(new Uint8Array(0), true);
  // A stored block of which nothing but its first byte is left decodes to nothing: fflate does not look at the complement of its length.
  const isCut = last.length === 0 && bytes[zeros - 1] === 1;
  if (!whole || isCut) refuse();
  return joined([...members, last]);
}

/**
 * Decompresses a gzip file, of one member or several, and verifies their lengths and checksums, which fflate leaves to the caller.
 * Zeros behind the last member are passed over, as gzip does.
 * @throws FileError for a truncated or corrupt file, or one that claims more than `maxBytes` (default 2 GiB).
 */
export function gunzip(bytes: Uint8Array, name: string, maxBytes = 2 ** 31): Uint8Array {
  if (bytes.length < 18) throw new FileError(`${name}: a gzip file has at least 18 bytes, this one has ${bytes.length}; the file was truncated`);
  const size = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true);
  const broken = `${name}: the gzip data is truncated or corrupt`;
  const remedy = 'Download or copy the file again.';
  if (size > bytes.length * MAX_RATIO) {
    throw new FileError(`${broken}: its last bytes claim ${size} bytes, more than ${bytes.length} compressed bytes can hold. ${remedy}`);
  }
  const grown = (total: number): void => {
    if (total > maxBytes) throw new FileError(`${name}: decompresses to ${total} bytes; at most ${maxBytes} were expected. Is it the right file?`);
  };
  grown(size);
  const refuse = (): never => {
    throw new FileError(`${broken}: its checksum does not match. ${remedy}`);
  };
  try {
    if (mayHoldMore(bytes, size)) return gunzipMembers(bytes, grown, refuse);
    const result = gunzipSync(bytes);
    // Up to three zeros behind the member leave a length that looks like one.
    return fits(result, bytes, bytes.length) ? result : gunzipMembers(bytes, grown, refuse);
  } catch (cause) {
    if (cause instanceof FileError) throw cause;
    throw new FileError(`${broken} (${cause instanceof Error ? cause.message : String(cause)}). ${remedy}`, {}, { cause });
  }
}
