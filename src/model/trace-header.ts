import { describeEntry } from '../core/catalogue.js';
import { VERSION } from '../core/version.js';
import { DENORMAL_GUARD } from '../graph/ops/index.js';
import { factsOf } from '../network/facts.js';
import type { Engine } from '../runtime/index.js';
import type { BatchSource } from '../training/batches.js';
import type { VitalsLayout } from '../training/observe.js';
import type { StepSpec } from '../training/step.js';
import type { NeighbourFacts } from '../vitals/facts.js';
import type { VitalsRequest } from '../vitals/request.js';
import { TRACE_SCHEMA, TRACE_VERSION, type TraceHeader } from '../vitals/trace.js';
import { inputFacts } from './data-facts.js';
import type { FitData } from './fit-data.js';
import { neighbourFacts } from './neighbours.js';
import { targetFacts } from './target-facts.js';

/** What a trace's first line is made from. */
export interface HeaderParts {
  readonly model: string;
  readonly spec: StepSpec;
  readonly vitals: VitalsRequest;
  readonly layout: VitalsLayout | undefined;
  readonly engine: Engine;
  readonly opened: Pick<FitData, 'sample' | 'partly'> & { readonly source?: BatchSource };
  readonly batchSize: number;
  readonly epochs: number;
}

/** The smallest normal number of float32: below it an engine that flushes has only 0. */
const LEAST_NORMAL = 1.1754943508222875e-38;

/** The facts about a network and how it is trained, as the first line of a trace. */
export function traceHeader({ model, spec, vitals, layout, engine, opened, batchSize, epochs }: HeaderParts): TraceHeader {
  const { network, optimizer, losses, seed, flush } = spec;
  const { watched = [], arrays = [] } = layout ?? {};
  const stepsPerEpoch = opened.source?.steps;
  return {
    kind: 'header',
    schema: TRACE_SCHEMA,
    version: TRACE_VERSION,
    created: new Date().toISOString(),
    source: `evenkeel ${VERSION}`,
    model,
    network: factsOf(network),
    training: {
      optimizer: describeEntry(optimizer),
      losses: losses.map(describeEntry),
      batchSize,
      epochs,
      ...(stepsPerEpoch === undefined ? {} : { stepsPerEpoch }),
      seed,
      backend: engine.backend,
      threads: engine.threads,
      ...(network.dtype === 'float32' ? { flushesBelow: flush ? DENORMAL_GUARD : LEAST_NORMAL } : {}),
      targets: targetFacts(spec, opened.sample, opened.partly),
    },
    data: inputFacts(network, opened.sample.inputs),
    watched,
    arrays: arrays.map(({ name }) => name),
    every: vitals.every,
    spaced: vitals.spaced,
    level: vitals.level,
    ...(vitals.units ? { units: true } : {}),
  };
}

/** The first line of a fit's trace, with what its validation rows could come to. @param known of their neighbours, from an earlier fit; false where nobody wants to know. */
export async function fitHeader(parts: HeaderParts & { readonly opened: FitData }, known: NeighbourFacts | false | undefined): Promise<TraceHeader> {
  const header = traceHeader(parts);
  const { training, data } = header;
  const { validation, sample: train } = parts.opened;
  if (!training || !validation || known === false) return header;
  const neighbours = known ?? (await neighbourFacts({ spec: parts.spec, engine: parts.engine, train, validation, data, targets: training.targets }));
  return neighbours ? { ...header, training: { ...training, neighbours } } : header;
}
