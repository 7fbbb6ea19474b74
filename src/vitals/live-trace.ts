import type { EndRecord, EpochRecord, FailureRecord, PassRecord, StepRecord, Trace, TraceHeader, TraceRecord } from './trace.js';

/** A trace that grows while a run goes on. */
export class LiveTrace implements Trace {
  readonly header: TraceHeader;
  readonly steps: StepRecord[] = [];
  readonly passes: PassRecord[] = [];
  readonly epochs: EpochRecord[] = [];
  failure?: FailureRecord;
  end?: EndRecord;

  constructor(header: TraceHeader) {
    this.header = header;
  }

  add(record: TraceRecord): void {
    switch (record.kind) {
      case 'step':
        this.steps.push(record);
        break;
      case 'pass':
        this.passes.push(record);
        break;
      case 'epoch':
        this.epochs.push(record);
        break;
      case 'failure':
        this.failure = record;
        break;
      case 'end':
        this.end = record;
    }
  }
}
