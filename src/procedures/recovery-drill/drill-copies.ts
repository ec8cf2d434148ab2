import { lstat, readdir, rm } from 'node:fs/promises'
import { encodeName } from '../../base/byte-name.ts'
import { isFailure } from '../../base/failure.ts'
import type { PostgresqlSourcePolicy } from '../../model/policy/policy.ts'
import { connectPostgresql } from '../../sources/postgresql/connection.ts'
import { readServerFacts } from '../../sources/postgresql/server-facts.ts'
import { connectionOf } from '../backup/back-up-postgresql-source.ts'
import type { Installation } from '../installation.ts'
import type { RecoveryDrillOrder } from './drill-root.ts'
import { type SourceRecovered, targetFolder } from './source-recovered.ts'

const connectTimeoutMs = 10_000

type Production = Pick<Installation, 'policy' | 'catalog' | 'clock' | 'process' | 'secret'>

/** What became of what a drill restored. Plain JSON. */
export interface DrillLeft {
  /** Sources of which nothing is left. */
  readonly removed: readonly string[]
  /** Sources of which what was restored stays, and where. */
  readonly kept: readonly { readonly source: string; readonly folder: string }[]
}

/**
 * The sources of which a drill restored nothing but a copy: production has them still. That is so on the machine that took
 * the backups, for a source that is in its place. Anywhere else what was restored may be the only one, and so it is where
 * production can not be asked.
 */
export async function copiesOfProduction(
  installation: Production,
  recovered: readonly SourceRecovered[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { catalog, process } = installation
  const backups = await catalog.runs({ procedure: 'backup' })
  if (!backups.some((run) => run.process.host === process.host)) return []
  const copies: string[] = []
  for (const one of recovered) if (await isInProduction(installation, one, signal)) copies.push(one.source)
  return copies
}

async function isInProduction(
  installation: Production,
  recovered: SourceRecovered,
  signal: AbortSignal,
): Promise<boolean> {
  const known = installation.policy.sources[recovered.source]
  switch (known?.kind) {
    case undefined:
      return false
    case 'files': {
      const held = await Promise.all(known.paths.map(holdsSomething))
      return held.every((one) => one)
    }
    case 'sqlite':
      return await holdsSomething(known.path)
    case 'postgresql':
      return await isSameServer(installation, known, recovered.systemIdentifier, signal)
    default:
      return known satisfies never
  }
}

/** A file with content, or a folder with an entry. */
async function holdsSomething(path: string): Promise<boolean> {
  try {
    const stat = await lstat(encodeName(path))
    if (stat.isDirectory()) return (await readdir(encodeName(path))).length > 0
    return !stat.isFile() || stat.size > 0
  } catch {
    return false // Then it can not be said to be there, and what was restored stays.
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
