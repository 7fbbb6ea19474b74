// @ts-check
import { Sets } from './data.js';
import { measureReference } from './reference.js';
import { runPatient } from './run.js';

/**
 * @typedef {{ readonly kind: 'reference', readonly patient: import('./patients.js').Patient }} ReferenceTask
 * @typedef {{ readonly kind: 'patient', readonly patient: import('./patients.js').Patient, readonly reference: number, readonly arms: readonly string[] }} PatientTask
 * @typedef {ReferenceTask | PatientTask} Task
 */

const sets = new Sets(process.env);

// The one that asked ends the work: an interrupt of the whole group is not for its workers.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());

process.on('message', async (/** @type {Task} */ task) => {
  try {
    const done =
      task.kind === 'reference'
        ? await measureReference(task.patient, sets)
        : await runPatient(task.patient, { sets, reference: task.reference, arms: task.arms });
    process.send?.({ done });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
