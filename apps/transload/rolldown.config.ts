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
 * In chunks, everything inside: `dist/main.cjs` runs without node_modules, and only what a command touches is parsed.
 * CommonJS, because `import` of one of Node's modules reads all that it exports, and with that loads dozens more.
 */
export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  // A native module: found beside the bundle, if it is there.
  external: ['koffi'],
  plugins: [leanCommander],
  output: {
    dir: 'dist',
    format: 'cjs',
    entryFileNames: '[name].cjs',
    cleanDir: true,
    minify: true,
    chunkFileNames: 'chunks/[name]-[hash].cjs',
    // A file costs more to open than to hold a little that this command does not need.
    codeSplitting: {
      groups: [
        // All that `--version` needs.
        { name: 'version', test: /\/transload\/src\/version\.ts$/, priority: 1 },
        { name: 'shared', minShareCount: 3 },
      ],
    },
  },
})
