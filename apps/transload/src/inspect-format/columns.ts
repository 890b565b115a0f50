import { runes } from '../go-template/byte-text.ts'

const leastWidth = 12
const gap = 2

/**
 * Aligns what tabs end, as Go's text/tabwriter does: cells one above the other, in lines that follow each other, are
 * of one width. What no tab ends is no cell.
 */
export function alignColumns(text: string): string {
  const lines = text.split(/[\n\f]/).map((line) => line.split(/[\t\v]/))
  // A tab at the very end ends a cell, but there is nothing to keep apart from it.
  if (lines.at(-1)?.at(-1) === '') lines.at(-1)!.pop()
  const columns = lines.reduce((most, cells) => Math.max(most, cells.length - 1), 0)
  for (let column = 0; column < columns; column++) alignColumn(lines, column)
  return lines.map((cells) => cells.join('')).join('\n')
}

function alignColumn(lines: readonly string[][], column: number): void {
  for (let start = 0; start < lines.length; start++) {
    let end = start
    while (column < (lines[end]?.length ?? 0) - 1) end++
    const block = lines.slice(start, end)
    const widths = block.map((cells) => [...runes(cells[column]!)].length)
    const width = widths.reduce((most, wide) => Math.max(most, wide + gap), leastWidth)
    for (const [index, cells] of block.entries()) cells[column] += ' '.repeat(width - widths[index]!)
    start = end
  }
}
