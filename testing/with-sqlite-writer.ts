import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { join } from 'node:path'

/** What a writer told at its end. */
export interface WriterReport {
  readonly committed: number
  /** Transactions that met a lock. */
  readonly refused: number
  readonly longestMs: number
}

/** Does something while another process writes to a database (see sqlite-writer.ts). */
export async function withSqliteWriter(
  path: string,
  perSecond: number,
  work: () => Promise<void>,
  journalMode = 'wal',
): Promise<WriterReport> {
  const script = join(import.meta.dirname, 'sqlite-writer.ts')
  const child = spawn(process.execPath, [script, path, String(perSecond), journalMode], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  try {
    await lines.next() // It is ready.
    await work()
    child.stdin.end()
    const { value } = (await lines.next()) as { value?: string }
    if (value === undefined) throw new Error('the writer died')
    return JSON.parse(value) as WriterReport
  } finally {
    child.stdin.end()
    if (child.exitCode === null) {
      child.kill()
      await once(child, 'exit')
    }
  }
}
