import { isFailure } from '../../base/failure.ts'
import { readCatalogFingerprint } from './catalog-fingerprint.ts'
import type { DatabaseSession } from './database-session.ts'
import { type Lsn, parseLsn } from './lsn.ts'
import { readSchemaDigest } from './schema-digest.ts'
import { readSequenceStates, type SequenceState } from './sequence-values.ts'

/** A session of one database, with what was read before its view. */
export interface DatabaseReading {
  readonly session: DatabaseSession
  readonly schemaDigest: string
  /** Of the schema whose digest it is. */
  readonly fingerprint: string
  /** By their files. What changed since `sequencesFrom` is in the log from there on. */
  readonly sequences: ReadonlyMap<string, SequenceState>
  readonly sequencesFrom: Lsn
}

/** Whether a failure says that the server has no such database, or lets nobody in any more. */
export function isDatabaseGone(error: unknown): boolean {
  return isFailure(error) && ['3D000', '55000'].includes(String(error.facts.state))
}

/** Whether somebody with the right to it ended the session, as who drops a database by force does; the server is there. */
export function isSessionEnded(error: unknown): boolean {
  return isFailure(error) && error.facts.state === '57P01'
}

/** One session for each database; they end together. */
export class ManifestSessions implements AsyncDisposable {
  readonly #open: (database: string) => Promise<DatabaseSession>
  readonly #readings = new Map<string, DatabaseReading>()

  constructor(open: (database: string) => Promise<DatabaseSession>) {
    this.#open = open
  }

  /** In the order of the databases that were asked for last. */
  get all(): readonly DatabaseReading[] {
    return [...this.#readings.values()]
  }

  /**
   * Has a session for each of these databases and for no other, and reads anew what is stale. One that goes away meanwhile
   * is left out: who takes the views sees that.
   */
  async renew(databases: readonly string[], stale: ReadonlySet<string>): Promise<void> {
    for (const name of this.#readings.keys()) if (!databases.includes(name)) await this.#close(name)
    for (const name of databases) {
      const before = this.#readings.get(name)
      if (before !== undefined && !stale.has(name)) continue
      const session = before?.session ?? (await this.#openIfThere(name))
      if (session === undefined) continue
      try {
        this.#readings.set(name, await readBefore(session))
      } catch (error) {
        await session[Symbol.asyncDispose]()
        this.#readings.delete(name)
        throw error
      }
    }
  }

  /** They can be had anew. */
  async close(): Promise<void> {
    for (const name of this.#readings.keys()) await this.#close(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #openIfThere(name: string): Promise<DatabaseSession | undefined> {
    try {
      return await this.#open(name)
    } catch (error) {
      if (isDatabaseGone(error)) return undefined
      throw error
    }
  }

  async #close(name: string): Promise<void> {
    const reading = this.#readings.get(name)
    this.#readings.delete(name)
    await reading?.session[Symbol.asyncDispose]()
  }
}

/** The schema and its fingerprint are of one view, whose end lets others of the catalogs' own functions look as they do. */
export async function readBefore(session: DatabaseSession): Promise<DatabaseReading> {
  await session.endView()
  const { lsn } = await session.row('SELECT pg_current_wal_insert_lsn()::text AS lsn')
  const sequences = await readSequenceStates(session)
  await session.beginView()
  const fingerprint = await readCatalogFingerprint(session)
  const schemaDigest = await readSchemaDigest(session)
  await session.endView()
  return { session, schemaDigest, fingerprint, sequences, sequencesFrom: parseLsn(lsn!) }
}
