import { checkpoint } from './checkpoint.js';
import { csvLogger } from './csv-logger.js';
import { earlyStopping } from './early-stopping.js';
import { jsonlLogger } from './jsonl-logger.js';
import { lambdaCallback } from './lambda-callback.js';
import { learningRateScheduler } from './learning-rate-scheduler.js';
import { reduceLROnPlateau } from './reduce-lr-on-plateau.js';
import { tensorBoard } from './tensor-board.js';
import { terminateOnNaN } from './terminate-on-nan.js';
import { traceFile } from './trace-file.js';

/** All callbacks, by name. */
export const callbacks = {
  checkpoint,
  csvLogger,
  earlyStopping,
  jsonlLogger,
  lambdaCallback,
  learningRateScheduler,
  reduceLROnPlateau,
  tensorBoard,
  terminateOnNaN,
  traceFile,
} as const;
