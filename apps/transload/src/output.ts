import { encodeJson } from '@transload/contract'

/** Resolves when the text is on its way, so that what ends the program afterwards cannot cut it off. */
export async function print(stream: NodeJS.WriteStream, text: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()))
  })
}

/** Indented by four spaces and ended by a newline, as skopeo prints JSON. */
export async function printJson(stream: NodeJS.WriteStream, value: unknown): Promise<void> {
  await print(stream, `${encodeJson(value, '    ')}\n`)
}
