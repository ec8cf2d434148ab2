import { mkdir, readdir } from 'node:fs/promises'
import { encodeName, printableName } from '../../base/byte-name.ts'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import { formatLsn } from '../../sources/postgresql/lsn.ts'
import { installedServers } from '../../sources/postgresql/installed-servers.ts'
import type { RecoveryPlan, RecoverySnapshot } from '../../operations/recover/plan-recovery.ts'
import { prepareRecovery, recoverToPoint } from '../../operations/recover/recover-to-point.ts'
import { describeTarget, formatTimeUs, type RecoveryTarget } from '../../operations/recover/recovery-target.ts'
import type { TablespaceMap } from '../../operations/recover/tablespace-map.ts'
import type { Installation, Watch } from '../installation.ts'
import { openBackup } from '../restore/open-backup.ts'
import { readManifest } from '../restore/read-manifest.ts'
import { restoreServerFiles } from '../restore/restore-data-folder.ts'
import { openWalArchive } from './open-wal-archive.ts'
import { type PhysicalBackup, physicalBackups, requirePostgresql } from './physical-backups.ts'
import { sandboxName } from './sandbox-name.ts'
import { serverUser, superuserOf } from './server-user.ts'

export interface RecoverOrder {
  readonly source: string
  readonly target: RecoveryTarget
  readonly timeline: 'latest' | number
  /** An absolute path, of nothing or an empty folder. */
  readonly into: string
  /** Name of the user that the server runs as. */
  readonly owner: string | undefined
  /** From a tablespace, by its number or its old folder, to its new folder. */
  readonly tablespaces: ReadonlyMap<string, string>
  readonly end: 'paused' | 'promoted'
  /** `never`: the folder is made ready, and the server that somebody starts there recovers by `restoreCommand`. */
  readonly start:
    | { readonly when: 'now' }
    | { readonly when: 'never'; readonly restoreCommand: (systemIdentifier: string) => string }
}

/** What a recovery came to. */
export interface RecoveredSource {
  readonly source: string
  readonly into: string
  readonly target: string
  readonly backup: string
  readonly timeline: number
  readonly durationMs: number
  /** Undefined where no server was started. */
  readonly server:
    | {
        readonly state: 'paused' | 'promoted'
        /** For `sandbox stop`. */
        readonly name: string
        readonly url: string
        readonly version: string
        /** Everything before it was replayed. */
        readonly lsn: string
        /** When the last transaction that is in it ended. */
        readonly lastEnd: string | undefined
        /** The server's own words. */
        readonly said: string
      }
    | undefined
}

/**
 * Recovers a PostgreSQL source to a point in time into a new folder, and has a private server stand there. That the stored
 * WAL reaches the target is known before anything is written. Nothing in production is touched, and nothing is archived.
 * Failures: those of recoverToPoint(), and `target_unsafe` where the folder holds something.
 */
export async function recoverSource(
  installation: Installation,
  order: RecoverOrder,
  watch: Watch,
  signal: AbortSignal,
): Promise<RecoveredSource> {
  const { clock, programs } = installation
  requirePostgresql(installation, order.source)
  const owner = serverUser(installation, order.owner)
  await requireEmpty(order.into)
  const beginMs = clock.monotonicMs()
  const { found, unread } = await physicalBackups(installation, order.source, watch, signal)
  for (const { backup, detail } of unread) watch.notice(`backup ${backup.id.slice(0, 8)} is left out: ${detail}`)
  if (found.length === 0) throw noSnapshot(order.source, unread[0]?.detail)
  await using opened = await openWalArchive(installation, { source: order.source, use: 'read' }, watch, signal)
  const request = {
    archive: opened.archive,
    snapshots: found.map(({ snapshot }) => snapshot),
    target: order.target,
    timeline: order.timeline,
    restoreSnapshot: snapshotRestorer(installation, { order, found }, watch),
    tablespaceMap: tablespaceMap(order.tablespaces, found),
    owner,
    end: order.end,
  }
  const told = (plan: RecoveryPlan): Omit<RecoveredSource, 'server'> => ({
    source: order.source,
    into: order.into,
    target: describeTarget(order.target),
    backup: plan.snapshot.id,
    timeline: plan.timeline,
    durationMs: Math.round(clock.monotonicMs() - beginMs),
  })
  if (order.start.when === 'never') {
    const { plan } = await prepareRecovery({ ...request, restoreCommand: order.start.restoreCommand }, signal)
    return { ...told(plan), server: undefined }
  }
  const { plan, point, sandbox } = await recoverToPoint(
    {
      ...request,
      servers: await installedServers(programs, signal),
      parentFolder: programs.sharedFolder,
      lifetime: 'detached',
      durable: true,
      searchPath: programs.searchPath,
      processId: installation.process.processId,
      ...(await roleOf(installation, found.at(-1)!, watch, signal)),
    },
    { clock, progress: () => {} },
    signal,
  )
  return {
    ...told(plan),
    server: {
      state: order.end,
      name: sandboxName(sandbox.socketFolder),
      url: sandbox.url,
      version: sandbox.version,
      lsn: formatLsn(point.lsn),
      lastEnd: point.lastEndUs === undefined ? undefined : formatTimeUs(point.lastEndUs),
      said: point.said,
    },
  }
}

function snapshotRestorer(
  installation: Installation,
  { order, found }: { readonly order: RecoverOrder; readonly found: readonly PhysicalBackup[] },
  watch: Watch,
): (snapshot: RecoverySnapshot, signal: AbortSignal) => Promise<string> {
  return async ({ id }, signal) => {
    const base = found.find((one) => one.snapshot.id === id)!
    await restoreSnapshot(installation, { order, base }, watch, signal)
    return order.into
  }
}

/** Restores a snapshot into the folder of an order, and compares each file with what the server made of it. May be run twice. */
export async function restoreSnapshot(
  installation: Installation,
  { order, base }: { readonly order: Pick<RecoverOrder, 'source' | 'into'>; readonly base: PhysicalBackup },
  watch: Watch,
  signal: AbortSignal,
): Promise<void> {
  const { backup } = base
  watch.notice(`begins with the snapshot ${backup.id.slice(0, 8)} of ${backup.takenAt.toISOString()}`)
  await using opened = await openBackup(installation, { backup, location: undefined }, watch, signal)
  await mkdir(encodeName(order.into), { recursive: true, mode: 0o700 })
  const { problems } = await restoreServerFiles({ installation, opened, order, watch }, order.into)
  if (problems.length === 0) return
  throw new Failure(
    'not_proven',
    `Cannot recover from backup "${backup.id.slice(0, 8)}": ${problems.length} of its files are not what was backed up: ${problems[0]!}`,
    { facts: { hint: 'Run `heal`, or choose an older target: an older snapshot is taken then' } },
  )
}

/** The role of the private server: one that may do anything. */
export async function roleOf(
  installation: Installation,
  { backup }: PhysicalBackup,
  watch: Watch,
  signal: AbortSignal,
): Promise<{ readonly role?: string }> {
  await using opened = await openBackup(installation, { backup, location: undefined }, watch, signal)
  const manifest = await readManifest(opened)
  const role = manifest?.kind === 'postgresql' ? superuserOf(manifest) : undefined
  return role === undefined ? {} : { role }
}

/** Tablespaces may be named as people know them, by their folder; the newest snapshot says which number that is. */
export function tablespaceMap(named: ReadonlyMap<string, string>, found: readonly PhysicalBackup[]): TablespaceMap {
  const known = found.at(-1)!.facts.tablespaces
  return new Map(
    [...named].map(([old, folder]) => {
      const oid = known.find((one) => one.location === old || one.oid === old)?.oid
      if (oid !== undefined) return [oid, folder]
      const all = known.map((one) => `${one.oid} (${one.location})`).join(', ') || 'none'
      throw new Failure('usage', `Cannot map tablespace "${old}": the newest snapshot has ${all}`)
    }),
  )
}

export async function requireEmpty(folder: string): Promise<void> {
  const names = await readdir(encodeName(folder)).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return []
    throw new Failure('target_unsafe', `Cannot recover into "${printableName(folder)}": it is no folder to write to`, {
      cause: error,
    })
  })
  if (names.length === 0) return
  throw new Failure(
    'target_unsafe',
    `Cannot recover into "${printableName(folder)}": it holds "${names[0]!}", expected nothing or an empty folder`,
    { facts: { hint: 'Name a new folder; a running cluster is never written over' } },
  )
}

export function noSnapshot(source: string, detail: string | undefined): Failure {
  const state =
    detail === undefined ? 'there is no physical snapshot of it' : `its snapshots can not be read: ${detail}`
  return new Failure('snapshot_missing', `Cannot recover "${source}": ${state}`, {
    facts: { hint: '`backups` lists what there is; after a loss of the catalog `catalog rebuild` reads it anew' },
  })
}
