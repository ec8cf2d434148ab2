import { FAILURES } from '../src/base/failure.ts'
import { exitCodes, exitMeanings } from '../src/cli/exit-codes.ts'

/** One row of the page: what a reader may rely on about one failure code. */
export interface FailureRow {
  readonly code: string
  readonly exit: string
  readonly retry: string
  readonly meaning: string
  readonly remedy: string
}

/** The rows that the tables in the code ask for. */
export function failureRows(): FailureRow[] {
  return Object.entries(FAILURES).map(([code, { retry, meaning, remedy }]) => ({
    code,
    exit: String(exitCodes[code as keyof typeof exitCodes]),
    retry: retry ? 'yes' : 'no',
    meaning,
    remedy,
  }))
}

/** The rows as lines of a Markdown table. */
export function failureTable(rows: readonly FailureRow[]): string {
  const lines = rows.map((row) => `| \`${row.code}\` | ${row.exit} | ${row.retry} | ${row.meaning} | ${row.remedy} |`)
  return ['| code | exit | again | what it means | what to do |', '|---|---|---|---|---|', ...lines].join('\n')
}

/** The rows that a page holds. */
export function failureRowsOfPage(page: string): FailureRow[] {
  const row = /^\| `([a-z_]+)` \| (\d+) \| (yes|no) \| (.*) \| (.*) \|$/gm
  return [...page.matchAll(row)].map((match) => ({
    code: match[1]!,
    exit: match[2]!,
    retry: match[3]!,
    meaning: match[4]!,
    remedy: match[5]!,
  }))
}

/** What the page says otherwise than the code: a code it lacks, one that no longer exists, a cell that differs. */
export function failurePageFaults(page: string, wanted: readonly FailureRow[] = failureRows()): string[] {
  const found = new Map(failureRowsOfPage(page).map((row) => [row.code, row]))
  const faults = wanted.flatMap((row) => {
    const written = found.get(row.code)
    if (written === undefined) return [`docs/failures.md lacks "${row.code}"`]
    const cells = Object.keys(row) as (keyof FailureRow)[]
    return cells
      .filter((cell) => written[cell] !== row[cell])
      .map((cell) => `docs/failures.md: ${cell} of "${row.code}" is "${written[cell]}", expected "${row[cell]}"`)
  })
  const codes = new Set(wanted.map((row) => row.code))
  const stale = [...found.keys()].filter((code) => !codes.has(code))
  return [...faults, ...stale.map((code) => `docs/failures.md names "${code}", which is no failure code`)]
}

/** The meanings of the exit codes as lines of a Markdown table. */
export function exitTable(): string {
  const lines = Object.entries(exitMeanings).map(([code, meaning]) => `| ${code} | ${meaning} |`)
  return ['| exit | meaning |', '|---|---|', ...lines].join('\n')
}

/** The page with both its tables as the code has them. */
export function renewedPage(page: string): string {
  return page
    .replace(/^\| code \|.*(\n\|.*)*/m, () => failureTable(failureRows()))
    .replace(/^\| exit \|.*(\n\|.*)*/m, exitTable)
}
