import { chmodSync, closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { BackendSqlite } from 'openworkflow/sqlite'

/** So long is it remembered that a run was started: more than OpenWorkflow's own day, less than for ever. */
const rememberedMs = 35 * 86_400_000

/** The file of the durable runs: OpenWorkflow's tables, and what it has no words for. */
export interface RunsDatabase {
  readonly backend: BackendSqlite
  /** Whether a run of this key was started in the last 35 days. */
  isKnown(key: string): boolean
  /** Removes runs that ended more than 35 days ago, with their steps. */
  sweep(now: Date): void
  close(): Promise<void>
}

/** Opens the file, which it makes where there is none; only its owner may read it. */
export async function openRunsDatabase(path: string): Promise<RunsDatabase> {
  // It is there before SQLite opens it, so that it and the logs beside it are never readable by others.
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
  await using opened = new AsyncDisposableStack()
  const backend = BackendSqlite.connect(path, { namespaceId: 'zakops-backup' })
  opened.defer(() => backend.stop())
  const own = new DatabaseSync(path)
  opened.defer(() => own.close())
  own.exec('PRAGMA foreign_keys = ON')
  const known = own.prepare('SELECT 1 FROM workflow_runs WHERE idempotency_key = ? LIMIT 1')
  const ended = own.prepare(
    "DELETE FROM workflow_runs WHERE status IN ('completed', 'failed', 'canceled') AND finished_at < ?",
  )
  const held = opened.move()
  return {
    backend,
    isKnown: (key) => known.get(key) !== undefined,
    sweep: (now) => {
      ended.run(new Date(now.getTime() - rememberedMs).toISOString())
    },
    close: () => held.disposeAsync(),
  }
}
