/** Adds to a map that must not grow for ever: of more than `most` entries the oldest goes. */
export function remember<K, V>(map: Map<K, V>, key: K, value: V, most = 1000): void {
  if (map.size >= most && !map.has(key)) {
    const [oldest] = map.keys()
    map.delete(oldest!)
  }
  map.set(key, value)
}
