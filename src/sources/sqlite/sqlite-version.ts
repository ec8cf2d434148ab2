import { Failure } from '../../base/failure.ts'

/** Older ones can corrupt a database in WAL mode that several connections write to. */
const oldestSafe = [3, 51, 3] as const

/** Failure `unsupported` where this SQLite ("3.53.4") is older than the oldest that can be relied on. */
export function requireSafeSqlite(version: string | undefined): void {
  const parts = (version ?? '').split('.').map(Number)
  if (parts.length >= 3 && !parts.some(Number.isNaN) && compare(parts, oldestSafe) >= 0) return
  throw new Failure(
    'unsupported',
    `Cannot use SQLite ${version ?? 'of unknown version'}: expected ${oldestSafe.join('.')} or newer`,
    { facts: { hint: 'SQLite is part of Node: use Node 24.21 or newer.' } },
  )
}

function compare(found: readonly number[], wanted: readonly number[]): number {
  for (const [at, number] of wanted.entries()) if (found[at] !== number) return (found[at] ?? 0) - number
  return 0
}
