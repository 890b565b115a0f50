import { collect, digestAlgorithm, digestHex, encodeJson, parseJsonObject, type Digest } from '@transload/contract'
import { DirectoryTree } from '@transload/formats'

import { refusal } from './refusal.ts'

/** A signature of a manifest, as clients write and read it. */
export interface KeptSignature {
  readonly schemaVersion: 2
  /** `DIGEST@` and 32 hexadecimal digits, which the client made up. */
  readonly name: string
  readonly type: 'atomic'
  /** Base64. */
  readonly content: string
}

const folder = 'transload-signatures'
/** Together they stay below the 4 MiB that clients read. */
const maxSignatures = 128
const maxContentChars = 24 * 1024

/** What clients signed, one JSON file for each manifest of a repository, beside the layout. */
export class SignatureFiles {
  readonly #tree: DirectoryTree
  #writing: Promise<unknown> = Promise.resolve()

  constructor(directory: string) {
    this.#tree = new DirectoryTree(directory)
  }

  /** In the order they came. */
  async list(repository: string, manifest: Digest): Promise<readonly KeptSignature[]> {
    const path = filePath(repository, manifest)
    if ((await this.#tree.fileSize(path)) === undefined) return []
    const { signatures } = parseJsonObject(await collect(this.#tree.read(path)), path)
    return signatures as KeptSignature[]
  }

  /** Durable when it resolves. Throws refusals: for a name that is taken, for more than anybody needs. */
  async add(repository: string, manifest: Digest, signature: KeptSignature): Promise<void> {
    await this.#inTurn(async () => {
      const former = await this.list(repository, manifest)
      if (former.some(({ name }) => name === signature.name)) {
        throw refusal('DENIED', `there is a signature ${signature.name}`, 409)
      }
      if (former.length >= maxSignatures || signature.content.length > maxContentChars) {
        throw refusal('SIZE_INVALID', 'more or larger signatures than this registry keeps', 413)
      }
      const path = filePath(repository, manifest)
      await this.#tree.write(path, Buffer.from(encodeJson({ signatures: [...former, signature] })))
      await this.#tree.syncDirectory(path.slice(0, path.lastIndexOf('/')))
    })
  }

  async removeAll(repository: string, manifest: Digest): Promise<void> {
    await this.#inTurn(() => this.#tree.remove(filePath(repository, manifest)))
  }

  async #inTurn(work: () => Promise<unknown>): Promise<void> {
    const turn = this.#writing.then(work)
    this.#writing = turn.catch(() => undefined)
    await turn
  }
}

function filePath(repository: string, manifest: Digest): string {
  return `${folder}/${repository}@${digestAlgorithm(manifest)}=${digestHex(manifest)}.json`
}
