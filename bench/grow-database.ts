import { DatabaseSync } from 'node:sqlite'

/** Bytes of a row with all that belongs to it. */
const rowBytes = 1000

/** Adds about so many bytes of random rows to a SQLite database, which is made where it is absent. */
export function growDatabase(path: string, bytes: number): void {
  const database = new DatabaseSync(path)
  try {
    database.exec(
      'pragma journal_mode = wal; create table if not exists state (id integer primary key, name text, value blob)',
    )
    const insert = database.prepare('insert into state (name, value) values (?, randomblob(?))')
    database.exec('begin')
    for (let written = 0; written < bytes; written += rowBytes) insert.run(`name ${written}`, rowBytes - 40)
    database.exec('commit')
  } finally {
    database.close()
  }
}
