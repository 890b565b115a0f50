import { describe, expect, it } from 'vitest'

import { completeWords, completionText } from './completion.ts'

describe('completeWords', () => {
  it.each([
    [['copy', '--src-shared'], ['--src-shared-blob-dir'], 4],
    [['--override-a'], ['--override-arch'], 4],
    [['--debug', 'inspect', '--no-t'], ['--no-tags'], 4],
    [['copy', '--format', ''], [], 0],
    [['copy', '-f', ''], [], 0],
    [['copy', '--format=o'], [], 0],
    [['copy', '-q', 'docker:'], ['docker://'], 6],
    [['copy', 'docker://host/'], [], 6],
    [['copy', 'oci:im'], [], 2],
    [['copy', 'oci-archive:im'], [], 2],
    [['inspect', 'docker-archive:im'], [], 2],
    [['delete', 'dir:/us'], [], 0],
    [['copy', '--', '-x'], ['dir:', 'docker:', 'docker-archive:', 'oci:', 'oci-archive:', 'sif:'], 6],
    [['manifest-digest', ''], [], 0],
    [['list-tags', 'docker:'], [], 0],
    [['completion', ''], ['bash', 'zsh', 'fish', 'powershell'], 4],
    [['nonsense', ''], [], 4],
    [['--', 'copy', ''], [], 0],
  ] as const)('%j', async (words, candidates, directive) => {
    const completions = await completeWords(words)
    expect(completions.candidates.map(({ word }) => word)).toEqual(candidates)
    expect(completions.directive).toBe(directive)
  })

  it.each([[['']], [['help', '']], [[]]])('offers the commands help lists for %j', async (words) => {
    const { candidates, directive } = await completeWords(words)
    expect(candidates).toContainEqual({ word: 'delete', description: 'Delete image IMAGE-NAME' })
    expect(candidates.map(({ word }) => word)).not.toContain('layers')
    expect(directive).toBe(4)
  })

  it('describes flags', async () => {
    expect(completionText(await completeWords(['inspect', '--conf']))).toBe('--config\toutput configuration\n:4\n')
  })
})

it.each(['copy', 'delete', 'inspect', 'layers', 'experimental-image-proxy'])(
  '%s takes what skopeo takes',
  async (command) => {
    const prefixes = command === 'copy' ? ['src-', 'dest-'] : ['']
    for (const name of prefixes.flatMap((prefix) => [`--${prefix}daemon-host`, `--${prefix}shared-blob-dir`])) {
      const { candidates } = await completeWords([command, name])
      expect(candidates.map(({ word }) => word)).toEqual([name])
    }
  },
)
