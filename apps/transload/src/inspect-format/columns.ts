import { runes } from '../go-template/byte-text.ts'

const leastWidth = 12
const gap = 2

/**
 * Aligns what tabs end, as Go's text/tabwriter does: cells one above the other, in lines that follow each other, are
 * of one width. What no tab ends is no cell.
 */
export function alignColumns(text: string): string {
  const lines = text.split(/[\n\f]/).map((line) => line.split(/[\t\v]/))
  return alignLines(lines, 0).join('\n')
}

/** Lines with all their cells from `column` on. */
function alignLines(lines: readonly (readonly string[])[], column: number): readonly string[] {
  const aligned: string[] = []
  for (let start = 0; start < lines.length;) {
    const end = blockEnd(lines, start, column)
    if (end === start) {
      aligned.push(lines[start]?.slice(column).join('') ?? '')
      start++
      continue
    }
    const block = lines.slice(start, end)
    const widths = block.map((line) => widthOf(line[column] ?? ''))
    const width = Math.max(leastWidth, ...widths.map((wide) => wide + gap))
    const rest = alignLines(block, column + 1)
    for (const [index, line] of block.entries()) {
      aligned.push((line[column] ?? '') + ' '.repeat(width - widths[index]!) + rest[index])
    }
    start = end
  }
  return aligned
}

/** Where the lines end that have a cell in `column`. */
function blockEnd(lines: readonly (readonly string[])[], start: number, column: number): number {
  let end = start
  while (column < (lines[end]?.length ?? 0) - 1) end++
  return end
}

function widthOf(cell: string): number {
  return [...runes(cell)].length
}
