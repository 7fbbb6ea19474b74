import { diagnose } from './diagnose.js';
import { forecast } from './forecast.js';
import { treat } from './treat.js';
import { watch } from './watch.js';

/** Examines networks before training, during training and from recorded traces; and treats them. */
export const doctor = { forecast, diagnose, watch, treat } as const;
