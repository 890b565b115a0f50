import { describe, expect, it } from 'vitest'

import { encodeTarHeader, parsePaxRecords, parseTarHeader } from './tar-header.ts'

const plain = { name: 'a/b.txt', size: 3, mode: 0o444, modifiedSeconds: 0 }

describe('encodeTarHeader', () => {
  it.each([
    ['a small file', plain, { name: 'a/b.txt', typeFlag: '0', size: 3, linkName: '' }],
    ['the largest octal size', { ...plain, size: 8 ** 11 - 1 }, { name: 'a/b.txt', size: 8 ** 11 - 1 }],
    ['a size of 8 GiB', { ...plain, size: 8 ** 11 }, { name: 'a/b.txt', size: 8 ** 11 }],
    ['a size of 5 TB', { ...plain, size: 5e12 }, { name: 'a/b.txt', size: 5e12 }],
    ['a name of 100 bytes', { ...plain, name: 'n'.repeat(100) }, { name: 'n'.repeat(100) }],
    ['a link', { ...plain, size: 0, linkTo: '../x' }, { typeFlag: '2', linkName: '../x' }],
  ])('writes %s so that it is read again', (_, header, read) => {
    expect(parseTarHeader(encodeTarHeader(header))).toMatchObject(read)
  })

  it('puts a PAX header before a name of more than 100 bytes', () => {
    const name = 'ä'.repeat(60)
    const encoded = encodeTarHeader({ ...plain, name })
    const extended = parseTarHeader(encoded.subarray(0, 512))!
    expect(extended.typeFlag).toBe('x')
    expect(parsePaxRecords(encoded.subarray(512, 512 + extended.size))).toEqual(new Map([['path', name]]))
    expect(parseTarHeader(encoded.subarray(1024))).toMatchObject({ typeFlag: '0', size: 3 })
    expect(encoded).toHaveLength(1536)
  })
})

describe('parseTarHeader', () => {
  it('takes a block of zeros for the end', () => {
    expect(parseTarHeader(Buffer.alloc(512))).toBeUndefined()
  })

  it('refuses a block whose checksum is wrong', () => {
    const block = encodeTarHeader(plain)
    block[0]! ^= 1
    expect(() => parseTarHeader(block)).toThrow('invalid tar header')
  })
})

describe('parsePaxRecords', () => {
  it('reads records whose values hold blanks, equals signs and newlines', () => {
    const records = parsePaxRecords(Buffer.from('12 a=b = c\n\n15 path=x/ä y\n'))
    expect([...records]).toEqual([
      ['a', 'b = c\n'],
      ['path', 'x/ä y'],
    ])
  })

  it.each(['x', '0 a=b\n', '99 a=b\n', '6 a=b', '6 a_b\n', '-6 a=b\n'])('refuses %j', (text) => {
    expect(() => parsePaxRecords(Buffer.from(text))).toThrow('invalid PAX extended header')
  })
})
