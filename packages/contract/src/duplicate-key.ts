/**
 * The first member name that an object in `json` has twice. `JSON.parse` keeps the last of them and says nothing.
 * `json` must be well-formed.
 */
export function duplicateKey(json: string): string | undefined {
  const objects: Set<string>[] = []
  for (const [token, name] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{') objects.push(new Set())
    else if (token === '}') objects.pop()
    else if (name !== undefined) {
      const key = JSON.parse(name) as string
      if (objects.at(-1)?.has(key)) return key
      objects.at(-1)?.add(key)
    }
  }
  return undefined
}
