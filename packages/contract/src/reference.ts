/** Where an image is, as plain data: it can be logged, compared and sent to a worker. */
export interface ImageReference {
  readonly scheme: string
  /** What followed `scheme:`, in the transport's own text form. Parsing it again gives an equal reference. */
  readonly text: string
  /** The full `host/repository[:tag][@digest]` the user meant, if the place has such names; signatures name this. */
  readonly name?: string
  /** Trust-policy scopes, most specific first: the identity, then each namespace. */
  readonly policyScopes: readonly string[]
}

/** `scheme:text`, as the user writes it. */
export function referenceText(reference: ImageReference): string {
  return `${reference.scheme}:${reference.text}`
}
