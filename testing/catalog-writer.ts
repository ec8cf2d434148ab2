/**
 * A process of its own for the tests of the catalog: begins a run, then adds backups from a number on, each with its
 * copy, and says each number when the calls have resolved, until so many are written or it is killed.
 */
import { sampleBackup, sampleCopy, sampleId, sampleRun } from './backup-samples.ts'
import { runProcess } from '../src/catalog/run-process.ts'
import { openSqliteCatalog } from '../src/catalog/sqlite/sqlite-catalog.ts'

const [path, first, count] = process.argv.slice(2)
await using catalog = await openSqliteCatalog(path!)
await catalog.beginRun(sampleRun({ id: `run-${first}`, process: runProcess('here', process.pid) }))
for (let number = Number(first); number < Number(first) + Number(count); number++) {
  await catalog.addBackup(sampleBackup({ id: sampleId(number) }))
  await catalog.addCopy(sampleCopy({ backup: sampleId(number) }))
  process.stdout.write(`${number}\n`)
}
await catalog.endRun(`run-${first}`, { state: 'done', endedAt: new Date('2026-03-01T03:00:00Z'), summary: 'written' })
