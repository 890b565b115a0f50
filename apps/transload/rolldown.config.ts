import { defineConfig } from 'rolldown'

/**
 * ESM in chunks, everything inside: `dist/main.js` runs without node_modules, and only what a command touches is
 * parsed.
 */
export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  output: {
    dir: 'dist',
    format: 'esm',
    cleanDir: true,
    minify: true,
    chunkFileNames: 'chunks/[name]-[hash].js',
  },
})
