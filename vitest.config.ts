import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const sharedData = fileURLToPath(new URL('../shared/data', import.meta.url));

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The tests run what ships: dist/ is loaded by Node itself, so that engine workers start as they do for users.
    server: { deps: { external: [/\/dist\//] } },
    ...(existsSync(sharedData) ? { env: { EVENKEEL_DATA: process.env.EVENKEEL_DATA ?? sharedData } } : {}),
  },
});
