import { DataError, show } from '../core/errors.js';

/** First bytes of files that are taken for tables by mistake, and how one gets a table of each. */
const foreign: readonly { readonly magic: readonly number[]; readonly says: string }[] = [
  { magic: [0x50, 0x4b, 0x03, 0x04], says: "a zip archive, such as Excel's .xlsx; save the sheet as CSV (UTF-8), or unpack it" },
  { magic: [0xd0, 0xcf, 0x11, 0xe0], says: 'an older Office file, such as .xls; save the sheet as CSV (UTF-8)' },
  { magic: [0x50, 0x41, 0x52, 0x31], says: 'a parquet file; give its name the ending .parquet, or read it with parquetTable' },
  { magic: [0x25, 0x50, 0x44, 0x46], says: 'a PDF; export the table as CSV (UTF-8)' },
];

/** What byte-order marks tell: UTF-8's is left to the decoder. */
const marks = [
  { mark: [0xff, 0xfe], encoding: 'utf-16le' },
  { mark: [0xfe, 0xff], encoding: 'utf-16be' },
] as const;

const startsWith = (bytes: Uint8Array, head: readonly number[]): boolean => head.every((byte, i) => bytes[i] === byte);

/** Bytes in which a binary file shows by a NUL. */
const HEAD = 4096;

/**
 * The text of a file's bytes: UTF-8, or UTF-16 with a byte-order mark.
 * @throws DataError naming the line and the byte that is no UTF-8, and where the file is no text.
 */
export function decodeText(bytes: Uint8Array, name: string): string {
  const other = foreign.find(({ magic }) => startsWith(bytes, magic));
  if (other) throw new DataError(`${name}: this is not a text file; it is ${other.says}`);
  const wide = marks.find(({ mark }) => startsWith(bytes, mark));
  if (wide) return decodeWide(bytes, wide.encoding, name);
  refuseBinary(bytes, name);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const at = invalidUtf8(bytes);
    throw at < 0 ? cause : new DataError(sayInvalid(bytes, at, name), { received: bytes[at], expected: 'UTF-8' }, { cause });
  }
}

function decodeWide(bytes: Uint8Array, encoding: 'utf-16le' | 'utf-16be', name: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DataError(
      `${name}: its byte-order mark says ${encoding.toUpperCase()}, but its ${bytes.length} bytes are not valid ${encoding.toUpperCase()}: the file was truncated or is not text. Save it as UTF-8`,
      {},
      { cause },
    );
  }
}

/** Text holds no NUL; where every other byte is one it is UTF-16 that lacks its mark. */
function refuseBinary(bytes: Uint8Array, name: string): void {
  const head = bytes.subarray(0, HEAD);
  const at = head.indexOf(0);
  if (at < 0) return;
  const zeros = [0, 0];
  head.forEach((byte, i) => {
    if (byte === 0) zeros[i % 2] = (zeros[i % 2] ?? 0) + 1;
  });
  const [even = 0, odd = 0] = zeros;
  const most = head.length / 4;
  if ((even > most && odd === 0) || (odd > most && even === 0)) {
    const encoding = odd > 0 ? 'UTF-16LE' : 'UTF-16BE';
    throw new DataError(
      `${name}: expected UTF-8, but this looks like ${encoding} without a byte-order mark. Convert it: iconv -f ${encoding} -t UTF-8 old.csv > new.csv`,
      { received: encoding, expected: 'UTF-8' },
    );
  }
  throw new DataError(
    `${name}: this is not a text file: byte ${at} is 0, which does not occur in text. A table is text (CSV, TSV) or parquet; is this the right file?`,
  );
}

/** What no text holds, in whatever encoding of one byte a letter. */
const isControl = (byte: number): boolean => byte < 32 && byte !== 9 && byte !== 10 && byte !== 13;

function sayInvalid(bytes: Uint8Array, at: number, name: string): string {
  const controls = bytes.subarray(0, HEAD).filter(isControl).length;
  if (controls > 0)
    return `${name}: this is not a text file: it contains control characters, and byte ${at} is not valid UTF-8. A table is text (CSV, TSV) or parquet; is this the right file?`;
  const before = bytes.subarray(0, at);
  const line = before.reduce((count, byte) => count + Number(byte === 10), 1);
  const start = Math.max(before.lastIndexOf(10) + 1, at - 20);
  const text = new TextDecoder().decode(before.subarray(start)).replace(/^\uFFFD+/, '');
  const byte = `0x${(bytes[at] ?? 0).toString(16).toUpperCase()}`;
  const where = `line ${line} holds ${byte}${text === '' ? '' : ` after ${show(text)}`} (byte ${at} of the file)`;
  return `${name}: ${where}, which is not valid UTF-8: the file was probably saved as Latin-1 or Windows-1252. Save it as UTF-8, for example: iconv -f WINDOWS-1252 -t UTF-8 old.csv > new.csv`;
}

/** Least and most of the second byte behind a first one that allows less than 0x80 to 0xBF (RFC 3629, section 4). */
const seconds: { readonly [first: number]: readonly [number, number] } = {
  224: [0xa0, 0xbf],
  237: [0x80, 0x9f],
  240: [0x90, 0xbf],
  244: [0x80, 0x8f],
};

const followers = (first: number): number => {
  if (first >= 0xc2 && first <= 0xdf) return 1;
  if (first >= 0xe0 && first <= 0xef) return 2;
  return first >= 0xf0 && first <= 0xf4 ? 3 : -1;
};

/** Index of the first byte of what is no UTF-8; −1 where all is. */
export function invalidUtf8(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] ?? 0;
    const count = first < 0x80 ? 0 : followers(first);
    if (count < 0) return at;
    for (let i = 1; i <= count; i++) {
      const [least, most] = (i === 1 ? seconds[first] : undefined) ?? [0x80, 0xbf];
      const byte = bytes[at + i] ?? 0;
      if (byte < least || byte > most) return at;
    }
    at += count + 1;
  }
  return -1;
}
