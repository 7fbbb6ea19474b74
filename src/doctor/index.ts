import { diagnose } from './diagnose.js';
import { forecast } from './forecast.js';
import { watch } from './watch.js';

/** What examines networks: before training, while it goes on, and from what was recorded. */
export const doctor = { forecast, diagnose, watch } as const;
