const units = ['b', 'KiB', 'MiB', 'GiB', 'TiB']

/** `19.5MiB`; `separator` stands between number and unit. */
export function byteText(bytes: number, separator = ''): string {
  let amount = bytes
  let unit = 0
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024
    unit++
  }
  return `${amount.toFixed(1)}${separator}${units[unit]}`
}
