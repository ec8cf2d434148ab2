import { Failure } from '../../base/failure.ts'
import { openCopy } from './open-copy.ts'
import { sqliteFailure } from './sqlite-failure.ts'

/** What is told of what was found. */
const faultsMax = 5

/**
 * Runs SQLite's own integrity check on a copy that nobody writes to; `name` is what it is called in messages. Failure
 * `database_unreadable` with what it found.
 */
export function checkIntegrity(path: string, name: string): void {
  let faults: string[]
  try {
    const database = openCopy(path)
    try {
      const rows = database.prepare('PRAGMA integrity_check(100)').all()
      faults = rows.map((row) => String(Object.values(row)[0]))
    } finally {
      database.close()
    }
  } catch (error) {
    throw sqliteFailure(error, name)
  }
  if (faults.length === 1 && faults[0] === 'ok') return
  const told = faults.slice(0, faultsMax).join('; ').replace(/\s+/g, ' ')
  const more = faults.length > faultsMax ? `; and ${faults.length - faultsMax} more` : ''
  throw new Failure(
    'database_unreadable',
    `Cannot rely on database "${name}": its integrity check says: ${told}${more}`,
    {
      facts: {
        hint: 'Nothing was counted as a backup. Restore the newest backup that was good, or dump what can be read.',
      },
    },
  )
}
