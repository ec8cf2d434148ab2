import { compareNames } from '../../base/byte-name.ts'
import type { Clock } from '../../base/clock.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { countWrites } from '../../sources/postgresql/connection-room.ts'
import { type DatabaseSession, listDatabases } from '../../sources/postgresql/database-session.ts'
import { type EarlyDatabase, readEarly } from '../../sources/postgresql/early-database.ts'
import { formatLsn, type Lsn } from '../../sources/postgresql/lsn.ts'
import { isDatabaseGone, isSessionEnded, ManifestSessions } from '../../sources/postgresql/manifest-sessions.ts'
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
  /** So many databases may be held open at a time. */
  readonly heldMax: number
  /** How much was written in each database before the backup began. */
  readonly writesBefore: ReadonlyMap<string, number>
}

/** Takes the manifest of a server that others are at work on, at a restore point. Its sessions end with it. */
export class ServerManifest implements AsyncDisposable {
  readonly #options: ServerManifestOptions
  readonly #sessions: ManifestSessions
  readonly #early = new Map<string, EarlyDatabase>()
  #flusher: DatabaseSession | undefined

  constructor(options: ServerManifestOptions) {
    this.#options = options
    this.#sessions = new ManifestSessions(options.openSession)
  }

  /**
   * Where there are more databases than may be held open at a time, reads those already of which least was written since
   * the backup began, one after the other: the log tells later whether they were left alone up to the restore point. Half of the
   * room is left for those that were not. The log must be read from here on.
   */
  async readEarly(): Promise<void> {
    const { openSession, database, heldMax, writesBefore, tableBytesMax } = this.#options
    this.#flusher ??= await openSession(database)
    const databases = await listDatabases(this.#flusher)
    if (databases.length <= heldMax) return
    const now = await countWrites(this.#flusher)
    const writes = (name: string): number => (now.get(name) ?? 0) - (writesBefore.get(name) ?? 0)
    const calmest = databases.toSorted((a, b) => writes(a) - writes(b))
    for (const name of calmest.slice(0, databases.length - Math.ceil(heldMax / 2))) {
      try {
        await using session = await openSession(name)
        await using witness = await openSession(name)
        const found = await readEarly(session, witness, { tableBytesMax })
        if (found !== undefined) this.#early.set(name, found)
      } catch (error) {
        if (!isDatabaseGone(error) && !isSessionEnded(error)) throw error // It may have been dropped just now.
      }
    }
  }

  /** `window`: of the log up to here; `readTo` reads on. */
  async openView(window: WalWindow, readTo: (lsn: Lsn) => Promise<void>): Promise<RestorePointView> {
    const { openSession, database, namePrefix, clock } = this.#options
    this.#flusher ??= await openSession(database)
    return await openRestorePointView({
      sessions: this.#sessions,
      flusher: this.#flusher,
      early: this.#early,
      heldMax: this.#options.heldMax,
      readTo,
      window,
      namePrefix,
      clock,
    })
  }

  async read({ databases, missing, restorePoint, lsn }: RestorePointView): Promise<PostgresqlManifest> {
    const { openSession, tableBytesMax, server } = this.#options
    const parts = [...this.#early.values()].map(({ manifest }) => manifest)
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
      databases: parts.toSorted((a, b) => compareNames(a.name, b.name)),
      roles: roles ?? [],
      view: missing.length === 0 ? { state: 'exact', ...at } : { state: 'bounded', ...at, transactions: missing },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flusher?.[Symbol.asyncDispose]()
    await this.#sessions[Symbol.asyncDispose]()
  }
}
