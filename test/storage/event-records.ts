/** CRC-32C bit by bit, by dividing the reflected message polynomial; the polynomial as RFC 3720 prints it. */
export function checksum(bytes: Uint8Array): number {
  const reflect = (value: number, width: number): number => Number.parseInt([...value.toString(2).padStart(width, '0')].reverse().join(''), 2);
  let rest = 0xffffffffn;
  for (const byte of bytes) {
    rest ^= BigInt(reflect(byte, 8)) << 24n;
    for (let bit = 0; bit < 8; bit++) rest = rest & 0x80000000n ? ((rest << 1n) ^ 0x11edc6f41n) & 0xffffffffn : rest << 1n;
  }
  return reflect(Number(rest ^ 0xffffffffn), 32);
}

/** Records of a TFRecord file; throws where a checksum does not fit. */
export function unframe(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  const verify = (data: Buffer, at: number): void => {
    const stored = BigInt(bytes.readUInt32LE(at));
    const rotated = (stored - 0xa282ead8n) & 0xffffffffn;
    const plain = ((rotated >> 17n) | (rotated << 15n)) & 0xffffffffn;
    if (Number(plain) !== checksum(data)) throw new Error(`wrong checksum at ${at}`);
  };
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    verify(bytes.subarray(at, at + 8), at + 8);
    const record = bytes.subarray(at + 12, at + 12 + length);
    verify(record, at + 12 + length);
    records.push(record);
    at += length + 16;
  }
  return records;
}
