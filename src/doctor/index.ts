import { diagnose } from './diagnose.js';
import { forecast } from './forecast.js';
import { treat } from './treat.js';
import { watch } from './watch.js';

/** What examines networks: before training, while it goes on, and from what was recorded; and what treats them. */
export const doctor = { forecast, diagnose, watch, treat } as const;
