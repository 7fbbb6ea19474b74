import { arithmeticRecords } from './arithmetic.js';
import { bitsRecords } from './bits.js';
import { controlRecords } from './control.js';
import { convolutionRecords } from './convolution.js';
import { elementwiseRecords } from './elementwise.js';
import { indexingRecords } from './indexing.js';
import { joiningRecords } from './joining.js';
import { linearRecords } from './linear.js';
import { movementRecords } from './movement.js';
import { poolingRecords } from './pooling.js';
import { reductionRecords } from './reduction.js';
import { sortingRecords } from './sorting.js';

export * from './arithmetic.js';
export * from './bits.js';
export * from './control.js';
export * from './convolution.js';
export * from './elementwise.js';
export * from './gradient-flow.js';
export * from './indexing.js';
export * from './joining.js';
export * from './linear.js';
export * from './movement.js';
export * from './pooling.js';
export * from './reduction.js';
export * from './sorting.js';

/** Every operator, by its ONNX name. */
export const records = {
  ...arithmeticRecords,
  ...bitsRecords,
  ...controlRecords,
  ...convolutionRecords,
  ...elementwiseRecords,
  ...indexingRecords,
  ...joiningRecords,
  ...linearRecords,
  ...movementRecords,
  ...poolingRecords,
  ...reductionRecords,
  ...sortingRecords,
};
