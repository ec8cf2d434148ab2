import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'

/** Opens a database of which it is certain that nobody writes to it, without locks and without files beside it. */
export function openCopy(path: string): DatabaseSync {
  const url = pathToFileURL(path)
  url.searchParams.set('immutable', '1')
  const database = new DatabaseSync(url, { readOnly: true, allowExtension: false })
  // Pages are read where the system keeps them anyway: an integrity check jumps about in all of the file.
  database.exec('PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 2147418112; PRAGMA cache_size = -16384')
  return database
}
