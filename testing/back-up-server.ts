import { neverStopped } from '../src/base/abort.ts'
import { type Clock, systemClock } from '../src/base/clock.ts'
import {
  backUpPostgresql,
  type PostgresqlBackupReport,
  type PostgresqlBackupRequest,
} from '../src/operations/back-up-postgresql/back-up-postgresql.ts'
import { noProgress, type ProgressSink } from '../src/operations/progress.ts'
import type { Repository } from '../src/repository/repository.ts'

/** Takes a physical snapshot of a server, as the source "orders", with the plainest request there is. */
export async function backUpServer(
  repository: Repository,
  server: { readonly url: string },
  changes: Partial<PostgresqlBackupRequest> = {},
  more: { readonly progress?: ProgressSink; readonly signal?: AbortSignal; readonly clock?: Clock } = {},
): Promise<PostgresqlBackupReport> {
  return await backUpPostgresql(
    {
      repository,
      source: 'orders',
      connection: { url: server.url },
      hostname: 'host',
      parent: undefined,
      transfer: 'changes',
      manifest: { tableBytesMax: 2 ** 30 },
      workers: 2,
      ...changes,
    },
    { clock: more.clock ?? systemClock, progress: more.progress ?? noProgress, programVersion: 'test' },
    more.signal ?? neverStopped(),
  )
}
