/**
 * Writes transactions to a database, so many a second, until its standard input ends; then says in JSON how many it committed, how
 * often it was refused because of a lock, and how long the longest one took.
 *
 *   node testing/sqlite-writer.ts DATABASE PER-SECOND [JOURNAL-MODE]
 */
import { DatabaseSync } from 'node:sqlite'

const [path, perSecond] = [process.argv[2]!, Number(process.argv[3])]
const journalMode = process.argv[4] ?? 'wal'
// No waiting in WAL mode: a lock that is held, however shortly, is an error that is counted.
const database = new DatabaseSync(path, { timeout: journalMode === 'wal' ? 0 : 10_000 })
database.exec(`PRAGMA journal_mode = ${journalMode}; PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS log (number INTEGER PRIMARY KEY, text TEXT);
  CREATE TABLE IF NOT EXISTS last (number INTEGER);
  INSERT INTO last SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM last)`)
const append = database.prepare('INSERT INTO log VALUES (?, ?)')
const advance = database.prepare('UPDATE last SET number = ?')
let committed = Number(database.prepare('SELECT number FROM last').get()!['number'])
let refused = 0
let longestMs = 0
const begin = performance.now()
const first = committed

function write(): void {
  const due = first + Math.floor(((performance.now() - begin) / 1000) * perSecond)
  for (let done = 0; committed < due && done < 20; done++) {
    const start = performance.now()
    try {
      database.exec('BEGIN IMMEDIATE')
      append.run(committed + 1, `transaction ${committed + 1}, ${'x'.repeat(200)}`)
      advance.run(committed + 1)
      database.exec('COMMIT')
      committed++
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== 5) throw error
      refused++
      if (database.isTransaction) database.exec('ROLLBACK')
    }
    longestMs = Math.max(longestMs, performance.now() - start)
  }
}

const timer = setInterval(write, 2)
process.stdin.resume()
process.stdin.on('end', () => {
  clearInterval(timer)
  write()
  database.close()
  console.log(JSON.stringify({ committed, refused, longestMs }))
})
process.stdout.write('ready\n')
