export interface TextColumn {
  readonly title: string
  readonly align?: 'left' | 'right'
}

/**
 * Lines of a table with a ruled head: cells may hold several lines. An empty table has no lines. Cells of the last
 * column are not padded, so no line ends in blanks.
 */
export function textTable(columns: readonly TextColumn[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return []
  const cells = rows.map((row) => columns.map((_, at) => (row[at] ?? '').split('\n')))
  const widths = columns.map((column, at) =>
    Math.max(column.title.length, ...cells.map((row) => Math.max(...row[at]!.map((text) => text.length)))),
  )
  const render = (texts: readonly string[]): string =>
    columns
      .map((column, at) => {
        const text = texts[at] ?? ''
        return column.align === 'right' ? text.padStart(widths[at]!) : text.padEnd(widths[at]!)
      })
      .join('  ')
      .trimEnd()
  const lines = [
    render(columns.map((column) => column.title)),
    '-'.repeat(widths.reduce((sum, width) => sum + width + 2, -2)),
  ]
  for (const row of cells) {
    const height = Math.max(...row.map((cell) => cell.length))
    for (let at = 0; at < height; at++) lines.push(render(row.map((cell) => cell[at] ?? '')))
  }
  return lines
}
