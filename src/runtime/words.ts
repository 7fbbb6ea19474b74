import type { Backend } from './session.js';

/** What ONNX Runtime and its WebAssembly say where memory ends: of allocations, of sizes beyond 32 bits, of the engine under them. */
const NO_MEMORY = /bad_alloc|SafeIntOnOverflow|out of memory|Aborted\(OOM|Cannot enlarge memory|Array buffer allocation failed/i;
/** What it says where its own files are missing, or are not what they should be. */
const NO_FILES = /no available backend found/i;

/** What to do where ONNX Runtime's own message tells neither cause nor next step; its words stay behind. */
export function inWords(message: string, backend: Backend): string {
  const said = `(ONNX Runtime: ${message.trim()})`;
  if (NO_MEMORY.test(message)) {
    const cause = backend === 'native' ? 'there is not enough memory for it' : 'it takes more memory than WebAssembly has, 4 GiB at most';
    const elsewhere = backend === 'native' ? 'or a smaller network' : "a smaller network, or in Node backend 'native'";
    return `${cause}; take smaller minibatches (batchSize), ${elsewhere} ${said}`;
  }
  if (backend !== 'native' && NO_FILES.test(message)) {
    return `its WebAssembly could not be loaded; in a page serve the .wasm file that the bundler left, as application/wasm, in Node install onnxruntime-web anew ${said}`;
  }
  return message;
}
