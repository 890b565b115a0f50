import { expect, it } from 'vitest'

import { createCrc64 } from './crc64.ts'

it.each([
  ['', '0000000000000000'],
  ['a', '3420000000000000'],
  ['zz', '2050700000000000'],
  ['123456789', 'b90956c775a41001'],
  ['hello world\n', '44e9cf3f572ad9ac'],
])('sums %j, however it is cut', (text, sum) => {
  for (const length of [1, 5, 100]) {
    const crc = createCrc64()
    for (let start = 0; start < text.length; start += length) crc.update(Buffer.from(text.slice(start, start + length)))
    expect(crc.digest().toString('hex')).toBe(sum)
  }
})
