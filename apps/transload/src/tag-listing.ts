import { encodeJson } from '@transload/contract'

import { print } from './output.ts'
import { byteText } from './progress/byte-text.ts'
import type { TagDetails } from './tag-details.ts'

/** What there is to say of a tag: its details, or why they could not be read. */
export type ListedTag = TagDetails | { readonly Tag: string; readonly Error: string }

/** Prints each tag as it comes, aligned below `tags`, which are all of them. */
export async function printTagTable(
  stdout: NodeJS.WriteStream,
  tags: readonly string[],
  listed: AsyncIterable<ListedTag>,
): Promise<void> {
  const width = tags.reduce((most, tag) => Math.max(most, tag.length), 'TAG'.length)
  const line = (tag: string, digest: string, created: string, size: string, platforms: string): string =>
    `${tag.padEnd(width)}  ${digest.padEnd(71)}  ${created.padEnd(20)}  ${size.padStart(9)}  ${platforms}`.trimEnd() +
    '\n'
  await print(stdout, line('TAG', 'DIGEST', 'CREATED', 'SIZE', 'PLATFORMS'))
  for await (const one of listed) {
    const text =
      'Error' in one
        ? line(one.Tag, `error: ${one.Error}`, '', '', '')
        : line(
            one.Tag,
            one.Digest,
            secondsOf(one.Created),
            one.Size === null ? '-' : byteText(one.Size),
            one.Platforms.join(',') || '-',
          )
    await print(stdout, text)
  }
}

/** The document `{ ...head, Tags: [...] }`, written as its tags come. */
export async function printTagJson(
  stdout: NodeJS.WriteStream,
  head: Readonly<Record<string, string>>,
  listed: AsyncIterable<ListedTag>,
): Promise<void> {
  const members = Object.entries(head).map(([key, value]) => `    ${encodeJson(key)}: ${encodeJson(value)},\n`)
  await print(stdout, `{\n${members.join('')}    "Tags": [`)
  let isFirst = true
  for await (const one of listed) {
    await print(stdout, `${isFirst ? '' : ','}\n        ${encodeJson(one, '    ').replaceAll('\n', '\n        ')}`)
    isFirst = false
  }
  await print(stdout, isFirst ? ']\n}\n' : '\n    ]\n}\n')
}

function secondsOf(created: string | null): string {
  return created === null ? '-' : created.replace(/\.\d+/, '')
}
