import { defineConfig, type Plugin } from 'rolldown'

/**
 * Commander asks for `node:process`, whose import reads every member of `process`, and for `node:child_process`, which
 * only commands that are programs of their own need. Together they cost some 4 ms of every start.
 */
const leanCommander: Plugin = {
  name: 'lean-commander',
  resolveId(source, importer) {
    const isSpared = source === 'node:process' || source === 'node:child_process'
    return isSpared && importer?.includes('/commander/') ? `\0lean:${source}` : undefined
  },
  load(id) {
    if (id === '\0lean:node:process') return 'export default globalThis.process'
    if (id === '\0lean:node:child_process') return 'export default undefined'
    return undefined
  },
}

/**
 * ESM in chunks, everything inside: `dist/main.js` runs without node_modules, and only what a command touches is
 * parsed.
 */
export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  // A native module: found beside the bundle, if it is there.
  external: ['koffi'],
  plugins: [leanCommander],
  output: {
    dir: 'dist',
    format: 'esm',
    cleanDir: true,
    minify: true,
    chunkFileNames: 'chunks/[name]-[hash].js',
  },
})
