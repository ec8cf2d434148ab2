import type { PostgresqlManifest } from '../../model/manifest.ts'
import { readCatalogFingerprint, sharedPart } from './catalog-fingerprint.ts'
import type { DatabaseSession } from './database-session.ts'
import { type Lsn, parseLsn } from './lsn.ts'
import { readBefore } from './manifest-sessions.ts'
import { listSequences } from './sequence-values.ts'
import { type ManifestReading, readDatabase } from './take-manifest.ts'

/** What was read of a database before the restore point, by a session that has ended. */
export interface EarlyDatabase {
  readonly manifest: PostgresqlManifest['databases'][number]
  /** By which the log names it. */
  readonly number: number
  /** Nothing that was written before is missing in it; what is written from there on is in the log. */
  readonly from: Lsn
  /** Of the catalogs that databases share. */
  readonly shared: string
}

/** So often it is looked for a moment at which nobody writes in the database. */
const attemptsMax = 3

/**
 * Reads a database of which nobody writes anything at the moment: where the log has no change of it from there on to the
 * restore point, and the shared catalogs are the same then, it is at the restore point what was read. Undefined where
 * there is no such moment, or the role is not told of it.
 */
export async function readEarly(
  session: DatabaseSession,
  witness: DatabaseSession,
  reading: ManifestReading,
): Promise<EarlyDatabase | undefined> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    await session.endView() // What is asked below is answered once a transaction.
    // In this order: who writes and is not found by the question has its first change in the log behind the position.
    const { lsn, number } = await session.row(
      `SELECT pg_current_wal_insert_lsn()::text AS lsn, oid AS number FROM pg_database WHERE datname = current_database()`,
    )
    if (await isWrittenTo(session)) continue
    const { schemaDigest, fingerprint, sequences } = await readBefore(session)
    await session.beginView()
    if ((await readCatalogFingerprint(session)) !== fingerprint) continue
    const values = (await listSequences(session)).map(({ name, file }) => ({ name, state: sequences.get(file) }))
    if (values.some(({ state }) => state === undefined)) continue // One was used while it was read.
    const known = values.map(({ name, state }) => ({ name, value: state!.value, isCalled: state!.isCalled }))
    const manifest = await readDatabase(session, { schemaDigest, sequences: known }, reading, { witness })
    await session.endView()
    return { manifest, number: Number(number), from: parseLsn(lsn!), shared: sharedPart(fingerprint) }
  }
  return undefined
}

/** Whether a transaction is under way that has written something in the session's database, or that can not be told. */
async function isWrittenTo(session: DatabaseSession): Promise<boolean> {
  const row = await session.row(
    `SELECT NOT pg_has_role('pg_read_all_stats', 'USAGE')
         OR EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL)
         OR EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database()) AS written`,
  )
  return row.written === 't'
}
