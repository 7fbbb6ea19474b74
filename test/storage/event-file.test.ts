import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileError } from 'evenkeel';
import { afterAll, describe, expect, it } from 'vitest';
import { frameRecord, openEvents } from '#src/storage/event-file.js';
import { checksum, unframe } from './event-records.js';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a framed record', () => {
  it('has the checksums that RFC 3720 gives for its examples, masked', () => {
    // Appendix B.4: 32 bytes of 0, of 255, rising.
    for (const [bytes, crc] of [
      [new Uint8Array(32), 0x8a9136aa],
      [new Uint8Array(32).fill(255), 0x62a8ab43],
      [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ] as const) {
      expect(checksum(bytes)).toBe(crc);
      expect(unframe(Buffer.from(frameRecord(bytes)))).toEqual([Buffer.from(bytes)]);
    }
  });

  it('shows a flipped bit', () => {
    const framed = Buffer.from(frameRecord(Uint8Array.of(1, 2, 3)));
    framed[14] = (framed[14] ?? 0) ^ 4;
    expect(() => unframe(framed)).toThrow('wrong checksum');
  });
});

describe('an event file', () => {
  it('grows by whole records, in a folder that is made', async () => {
    const logs = join(folder, 'logs', 'first');
    const file = await openEvents(logs, 1_700_000_000);
    const records = [Buffer.alloc(0), Buffer.from('one'), Buffer.alloc(3000, 7)];
    for (const [i, record] of records.entries()) {
      await file.add(record);
      expect(unframe(readFileSync(file.path))).toEqual(records.slice(0, i + 1));
    }
  });

  it('takes no name that is taken', async () => {
    const logs = join(folder, 'taken');
    const first = await openEvents(logs, 5);
    await first.add(Buffer.from('kept'));
    await openEvents(logs, 5);
    expect(readdirSync(logs)).toEqual(['events.out.tfevents.0000000005.evenkeel.0', 'events.out.tfevents.0000000005.evenkeel.1']);
    expect(unframe(readFileSync(first.path)).map(String)).toEqual(['kept']);
  });

  it('says why it cannot be written', async () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    await expect(openEvents(file, 1)).rejects.toThrow(/cannot write events into '.*a-file': a file with that name already exists/);
    await expect(openEvents(join(file, 'logs'), 1)).rejects.toThrow(/part of the path is a file, not a folder/);
    const logs = join(folder, 'gone');
    const events = await openEvents(logs, 1);
    rmSync(logs, { recursive: true });
    await expect(events.add(Buffer.from('x'))).rejects.toThrow(FileError);
    await expect(events.add(Buffer.from('x'))).rejects.toThrow(/cannot write '.*gone.*tfevents.*does not exist/);
  });
});
