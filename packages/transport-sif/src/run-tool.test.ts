import { setImmediate } from 'node:timers/promises'

import { expect, it } from 'vitest'

import { runTool } from './run-tool.ts'

it('runs a program', async () => {
  await expect(runTool('sh', ['-c', 'exit 0'], {})).resolves.toBeUndefined()
})

it.each([
  ['fails', 'sh', ['-c', 'echo no space >&2; exit 3'], 'IO', 'sh: no space'],
  ['is not installed', 'transload-no-such-program', [], 'UNSUPPORTED', 'programs that are not installed'],
  ['asks for one that is not', 'sh', ['-c', 'exec transload-no-such-program'], 'UNSUPPORTED', 'not found'],
])('says that it %s', async (_, program, words, code, message) => {
  await expect(runTool(program, words, {})).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
})

it('ends it with everything it started', async () => {
  const controller = new AbortController()
  // The pipe of stderr is closed only when the second program is gone too.
  const running = runTool('sh', ['-c', 'sleep 1000 & wait'], { signal: controller.signal })
  await setImmediate()
  controller.abort(new Error('enough'))
  await expect(running).rejects.toThrow('enough')
})
