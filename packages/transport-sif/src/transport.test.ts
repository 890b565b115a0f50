import { describe, expect, it } from 'vitest'

import sifTransport from './transport.ts'

describe('sifTransport', () => {
  it('takes all of the text as a path', () => {
    expect(sifTransport().parse('a:b.sif', '/srv')).toEqual({
      scheme: 'sif',
      text: 'a:b.sif',
      path: '/srv/a:b.sif',
      policyScopes: ['/srv/a:b.sif', '/srv'],
    })
    expect(() => sifTransport().parse('a\0', '/')).toThrow('NUL')
  })

  it('has no options', () => {
    expect(() => sifTransport({ x: 1 })).toThrow('there is no option "x"')
  })
})
