import { lstat, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isFailure } from '../../base/failure.ts'
import type { PostgresqlSourcePolicy } from '../../model/policy/policy.ts'
import { connectPostgresql } from '../../sources/postgresql/connection.ts'
import { readServerFacts } from '../../sources/postgresql/server-facts.ts'
import { connectionOf } from '../backup/back-up-postgresql-source.ts'
import type { Installation } from '../installation.ts'
import { foldersAt, holdsContent, type OwnFolders } from './holds-content.ts'
import type { RecoveryDrillOrder } from './drill-root.ts'
import { type SourceRecovered, targetFolder } from './source-recovered.ts'

const connectTimeoutMs = 10_000

type Production = Pick<Installation, 'policy' | 'programs' | 'catalog' | 'clock' | 'process' | 'secret'>

/** What became of what a drill restored. Plain JSON. */
export interface DrillLeft {
  /** Sources of which nothing is left. */
  readonly removed: readonly string[]
  /** Sources of which what was restored stays, and where. */
  readonly kept: readonly { readonly source: string; readonly folder: string }[]
}

/** What a drill has restored, and where. */
export interface DrillRestored {
  readonly order: RecoveryDrillOrder
  readonly run: string
  readonly recovered: readonly SourceRecovered[]
}

/**
 * The sources of which a drill restored nothing but a copy: production has them still. That is so on the machine that took
 * the backups, for a source that is in its place. Anywhere else what was restored may be the only one, and so it is where
 * production can not be asked, or is what was restored.
 */
export async function copiesOfProduction(
  installation: Production,
  { order: { into }, run, recovered }: DrillRestored,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { catalog, process } = installation
  const backups = await catalog.runs({ procedure: 'backup' })
  const taken = backups.filter(({ state }) => state === 'done' || state === 'gaps')
  if (!taken.some((one) => one.process.host === process.host)) return []
  const folderOf = (source: string): string => targetFolder(installation, { into, source, run })
  const own = await foldersAt([into, ...recovered.map(({ source }) => folderOf(source))])
  const copies: string[] = []
  for (const one of recovered) {
    const place = { folder: folderOf(one.source), own }
    if (await isInProduction(installation, one, place, signal)) copies.push(one.source)
  }
  return copies
}

async function isInProduction(
  installation: Production,
  recovered: SourceRecovered,
  { folder, own }: { readonly folder: string; readonly own: OwnFolders },
  signal: AbortSignal,
): Promise<boolean> {
  const known = installation.policy.sources[recovered.source]
  switch (known?.kind) {
    case undefined:
      return false
    case 'files': {
      for (const path of known.paths) if (!(await holdsContent(path, own, signal))) return false
      return true
    }
    case 'sqlite':
      return await holdsContent(known.path, own, signal)
    case 'postgresql':
      // Somebody has started the server that was restored: it may be what answers for production.
      if ((await lstat(join(folder, 'postmaster.pid')).catch(() => undefined)) !== undefined) return false
      return await isSameServer(installation, known, recovered.systemIdentifier, signal)
    default:
      return known satisfies never
  }
}

async function isSameServer(
  installation: Production,
  policy: PostgresqlSourcePolicy,
  systemIdentifier: string | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  if (systemIdentifier === undefined) return false
  try {
    const connection = { ...(await connectionOf(installation, policy)), connectTimeoutMs }
    await using sql = await connectPostgresql(connection, { kind: 'sql' }, signal)
    return (await readServerFacts(sql)).systemIdentifier === systemIdentifier
  } catch (error) {
    if (signal.aborted || !isFailure(error)) throw error
    return false // Then it can not be said to be there, and what was restored stays.
  }
}

/**
 * Removes what was restored of these sources. May be run twice. Where of none anything stays, the root is emptied: the
 * folder itself stays.
 */
export async function removeCopies(
  installation: Pick<Installation, 'policy' | 'programs'>,
  drill: { readonly order: RecoveryDrillOrder; readonly run: string; readonly emptyRoot: () => Promise<void> },
  { copies, recovered }: { readonly copies: readonly string[]; readonly recovered: readonly SourceRecovered[] },
): Promise<DrillLeft> {
  const { order, run, emptyRoot } = drill
  const folderOf = (source: string): string => targetFolder(installation, { into: order.into, source, run })
  for (const source of copies) await rm(folderOf(source), { recursive: true, force: true })
  const kept = recovered
    .filter(({ source, backup }) => backup !== null && !copies.includes(source))
    .map(({ source }) => ({ source, folder: folderOf(source) }))
  if (kept.length === 0) await emptyRoot()
  return { removed: copies, kept }
}
