/** Lets work under one key run one after the other, in the order of the calls. */
export class Turns {
  /** What runs last under each key; never rejects. */
  readonly #last = new Map<string, Promise<void>>()

  async take(key: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(work)
    const ended = turn.catch(() => undefined)
    this.#last.set(key, ended)
    try {
      await turn
    } finally {
      if (this.#last.get(key) === ended) this.#last.delete(key)
    }
  }
}
