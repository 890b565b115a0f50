import { expect, it } from 'vitest'

import { commandOf, parseDefinition } from './definition-file.ts'

it.each([
  [undefined, [], []],
  ['Bootstrap: docker\n%post\n  %environment is not here\n', [], []],
  [
    '%environment\n  # comment\n\n  export A=1\n%runscript\n  echo "hi"\n\n  exec $@',
    ['export A=1'],
    ['echo "hi"', '', 'exec $@'],
  ],
  ['%runscript\none\n%labels\nX y\n%runscript\ntwo', [], ['one', 'two']],
  ['%runscript\none\n', [], ['one']],
  ['%runscript build\nignored\n', [], []],
])('reads the sections of %j', (text, environment, runscript) => {
  expect(parseDefinition(text)).toEqual({ environment, runscript })
})

it('makes a script of them', () => {
  expect(commandOf({ environment: ['export A=1'], runscript: ['echo'] })).toEqual({
    command: ['/podman/runscript'],
    runscript: '#!/bin/bash\nexport A=1\necho\n',
  })
  expect(commandOf({ environment: [], runscript: [] })).toEqual({ command: ['bash'], runscript: undefined })
})
