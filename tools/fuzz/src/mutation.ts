import * as fc from 'fast-check'

type Arbitrary<T> = fc.Arbitrary<T>

/** Any code points, halves of surrogate pairs too. fast-check's own `binary` takes seconds to make its table of them. */
export const anyText: Arbitrary<string> = fc.string({
  unit: fc.integer({ min: 0, max: 0x10ffff }).map((point) => String.fromCodePoint(point)),
})

/** Anything, and above all what nearly is one of `samples`: pieces lost, doubled, moved, odd characters put in. */
export function textLike(samples: readonly string[]): Arbitrary<string> {
  const alphabet = [...new Set(samples.join('')), ...oddCharacters]
  const inserted = fc.oneof(fc.constantFrom(...alphabet), fc.constantFrom(...samples))
  const mutated = fc
    .tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(), fc.nat(), inserted, fc.nat(3)), { maxLength: 5 }))
    .map(([sample, edits]) => edits.reduce(editText, sample))
  return fc.oneof(
    { weight: 4, arbitrary: mutated },
    { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 300 }) },
    { weight: 1, arbitrary: anyText },
  )
}

/** As {@link textLike}, of bytes. */
export function bytesLike(samples: readonly Uint8Array[]): Arbitrary<Uint8Array> {
  return fc.oneof(
    textLike(samples.map((sample) => Buffer.from(sample).toString('latin1'))).map((text) =>
      Buffer.from(text, 'latin1'),
    ),
    fc.uint8Array({ maxLength: 1024 }),
  )
}

/** JSON texts: values in the samples replaced by others or taken out, now and then broken as text. */
export function jsonLike(samples: readonly unknown[]): Arbitrary<string> {
  const edit = fc.tuple(
    fc.nat(),
    fc.option(fc.oneof(fc.jsonValue(), fc.constantFrom(...oddValues)), { nil: undefined }),
  )
  const mutated = fc
    .tuple(fc.constantFrom(...samples), fc.array(edit, { maxLength: 3 }))
    .map(([sample, edits]) => JSON.stringify(edits.reduce(editValue, sample)) ?? '')
  return fc.oneof(
    { weight: 6, arbitrary: mutated },
    { weight: 1, arbitrary: textLike(samples.map((sample) => JSON.stringify(sample))) },
    { weight: 1, arbitrary: fc.json() },
  )
}

const oddCharacters = [
  '\0',
  '\n',
  '\r',
  '"',
  '\\',
  '%',
  '/',
  ':',
  '@',
  '..',
  ' ',
  'é',
  '\u2028',
  '\ud800',
  '💥',
  'A',
  '0',
]
/** The last one cannot be made a text. */
const oddValues: readonly unknown[] = [
  -1,
  0.5,
  1e300,
  Number.MAX_SAFE_INTEGER + 1,
  '',
  '__proto__',
  'sha256:',
  null,
  [],
  {},
  [[]],
  [null],
  { toString: 0 },
]

function editText(text: string, [from, length, inserted, kind]: readonly [number, number, string, number]): string {
  const start = from % (text.length + 1)
  const end = start + (length % 12)
  if (kind === 0) return text.slice(0, start) + text.slice(end)
  if (kind === 1) return text.slice(0, end) + text.slice(start)
  if (kind === 2) return text.slice(0, start) + inserted + text.slice(end)
  return text.slice(0, start) + inserted + text.slice(start)
}

/** Replaces the part of a value that comes `position`th, counted around; undefined takes it out. */
function editValue(value: unknown, [position, replacement]: readonly [number, unknown]): unknown {
  let left = position % countParts(value)
  const walk = (part: unknown): unknown => {
    if (left-- === 0) return replacement
    if (Array.isArray(part)) return part.map(walk).filter((item) => item !== undefined)
    if (typeof part !== 'object' || part === null) return part
    return Object.fromEntries(Object.entries(part).map(([key, member]) => [key, walk(member)]))
  }
  return walk(value)
}

function countParts(value: unknown): number {
  const members = typeof value === 'object' && value !== null ? Object.values(value) : []
  return members.reduce<number>((sum, member) => sum + countParts(member), 1)
}
