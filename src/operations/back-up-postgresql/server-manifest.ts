import type { Clock } from '../../base/clock.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import type { DatabaseSession } from '../../sources/postgresql/database-session.ts'
import { formatLsn, type Lsn } from '../../sources/postgresql/lsn.ts'
import { ManifestSessions } from '../../sources/postgresql/manifest-sessions.ts'
import { openRestorePointView, type RestorePointView } from '../../sources/postgresql/restore-point-view.ts'
import type { ServerFacts } from '../../sources/postgresql/server-facts.ts'
import { headOf, readDatabase, readRoles } from '../../sources/postgresql/take-manifest.ts'
import type { WalWindow } from '../../sources/postgresql/wal-window.ts'

export interface ServerManifestOptions {
  readonly server: ServerFacts
  readonly openSession: (database: string) => Promise<DatabaseSession>
  /** The database of the connection URL, which is there for certain. */
  readonly database: string
  readonly namePrefix: string
  /** Tables of more bytes are sampled. */
  readonly tableBytesMax: number
  readonly clock: Clock
}

/** Takes the manifest of a server that others are at work on, at a restore point. Its sessions end with it. */
export class ServerManifest implements AsyncDisposable {
  readonly #options: ServerManifestOptions
  readonly #sessions: ManifestSessions
  #flusher: DatabaseSession | undefined

  constructor(options: ServerManifestOptions) {
    this.#options = options
    this.#sessions = new ManifestSessions(options.openSession)
  }

  /** `window`: of the log up to here; `readTo` reads on. */
  async openView(window: WalWindow, readTo: (lsn: Lsn) => Promise<void>): Promise<RestorePointView> {
    const { openSession, database, namePrefix, clock } = this.#options
    this.#flusher ??= await openSession(database)
    return await openRestorePointView({
      sessions: this.#sessions,
      flusher: this.#flusher,
      readTo,
      window,
      namePrefix,
      clock,
    })
  }

  async read({ databases, missing, restorePoint, lsn }: RestorePointView): Promise<PostgresqlManifest> {
    const { openSession, tableBytesMax, server } = this.#options
    const parts: PostgresqlManifest['databases'][number][] = []
    let roles: string[] | undefined
    for (const { session, ...known } of databases) {
      roles ??= await readRoles(session)
      await using witness = await openSession(session.database)
      parts.push(await readDatabase(session, known, { tableBytesMax }, { witness }))
      await session.endView()
    }
    const at = { restorePoint, lsn: formatLsn(lsn) }
    return {
      ...headOf(server),
      databases: parts,
      roles: roles ?? [],
      view: missing.length === 0 ? { state: 'exact', ...at } : { state: 'bounded', ...at, transactions: missing },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flusher?.[Symbol.asyncDispose]()
    await this.#sessions[Symbol.asyncDispose]()
  }
}
