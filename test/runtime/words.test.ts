import { expect, it } from 'vitest';
import { inWords } from '#src/runtime/words.js';

const overflow =
  '/work/onnxruntime/core/common/safeint.h:17 static void SafeIntExceptionHandler<onnxruntime::OnnxRuntimeException>::SafeIntOnOverflow() Integer overflow\n';

it.each(['std::bad_alloc', overflow, 'Aborted(OOM)', 'Array buffer allocation failed', 'RangeError: WebAssembly.Memory(): out of memory'])(
  'says that memory ends, and what to do: %s',
  (message) => {
    expect(inWords(message, 'wasm')).toMatch(
      /^it takes more memory than WebAssembly has, 4 GiB at most; take smaller minibatches .* backend 'native' \(ONNX Runtime: /,
    );
    expect(inWords(message, 'native')).toMatch(/^there is not enough memory for it; take smaller minibatches/);
    expect(inWords(message, 'wasm')).toContain(message.trim());
  },
);

it('says that the WebAssembly file is missing', () => {
  const message = 'no available backend found. ERR: [wasm] RuntimeError: Aborted(both async and sync fetching of the wasm failed)';
  expect(inWords(message, 'wasm')).toMatch(/^its WebAssembly could not be loaded; in a page serve the \.wasm file .* application\/wasm/);
});

it('leaves other messages alone', () => {
  const message = "Non-zero status code returned while running Gemm node. Name:'' GEMM: Dimension mismatch, W: {64,64} K: 3 N:64";
  expect(inWords(message, 'wasm')).toBe(message);
  expect(inWords(message, 'native')).toBe(message);
});
