import { appendFile, chown, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { Failure } from '../../base/failure.ts'
import type { User } from '../../posix/user-named.ts'
import type { InstalledServer } from '../../sources/postgresql/installed-servers.ts'
import { formatLsn, type Lsn } from '../../sources/postgresql/lsn.ts'
import { startSandbox, type Sandbox } from '../../sources/postgresql/sandbox.ts'
import { keepTablespacesOfFolder } from '../../sources/postgresql/wal-folder.ts'
import { segmentName, segmentOf } from '../../sources/postgresql/wal-name.ts'
import { planRecovery, type RecoveryPlan, type RecoveryRequest, type RecoverySnapshot } from './plan-recovery.ts'
import { awaitTarget, promote, type RecoveredPoint } from './recovery-progress.ts'
import { describeTarget } from './recovery-target.ts'
import { placeTablespaces, type TablespaceMap } from './tablespace-map.ts'
import { WalFeed } from './wal-feed.ts'

export interface RecoverToPointRequest extends RecoveryRequest {
  /** What was decided already; planRecovery() decides where it is not given. */
  readonly plan?: RecoveryPlan
  /** Restores a snapshot into a new folder and answers where its data folder is. */
  readonly restoreSnapshot: (snapshot: RecoverySnapshot, signal: AbortSignal) => Promise<string>
  readonly tablespaceMap: TablespaceMap
  /**
   * `paused`: the server stands at the target and answers questions; `promoted`: it has begun a timeline of its own and
   * can be written to.
   */
  readonly end: 'paused' | 'promoted'
  readonly servers: readonly InstalledServer[]
  /** Whom the server runs as where this process is root. */
  readonly owner: User | undefined
  /** Where the server's private folder is made. */
  readonly parentFolder: string
  readonly lifetime: 'caller' | 'detached'
  /** True where the folder is kept afterwards, false where it was a rehearsal. */
  readonly durable: boolean
  readonly memoryBytesMax?: number
  readonly searchPath: string
  readonly role?: string
  readonly processId: number
}

export interface RecoveryContext {
  readonly clock: Clock
  /** How far replay is, while it runs. */
  readonly progress: (replayed: { readonly lsn: Lsn; readonly expectedLsn: Lsn | undefined }) => void
}

export interface Recovery {
  readonly plan: RecoveryPlan
  /** Where it stopped, as the server and its log say. */
  readonly point: RecoveredPoint
  /** Running; the caller stops it. */
  readonly sandbox: Sandbox
}

/**
 * Recovers a cluster to a point in time: picks the snapshot, proves that the stored WAL reaches the target before
 * anything is touched, restores, replays on a private server that archives nothing, and verifies that it stopped at the
 * target and not earlier. Failures: those of planRecovery(), of the restore, of startSandbox(); `wal_gap` where replay
 * ended early all the same; `not_proven` where the server stands somewhere else.
 *
 * Order: a stop or a crash at any time leaves a restored folder that no server of its own accord goes on with:
 * recovery.signal without a restore_command is refused by PostgreSQL. Nothing outside of it was changed.
 */
export async function recoverToPoint(
  request: RecoverToPointRequest,
  context: RecoveryContext,
  signal: AbortSignal,
): Promise<Recovery> {
  const { clock } = context
  const plan = request.plan ?? (await planRecovery(request, signal))
  const dataFolder = await request.restoreSnapshot(plan.snapshot, signal)
  await placeTablespaces(dataFolder, request.tablespaceMap)
  await beginRecoveryOf(dataFolder)
  const { owner } = request
  const feed = new WalFeed({ ...feedOf(plan, request), dataFolder, owner }, clock, signal)
  await using begun = await begin(feed)
  let sandbox: Sandbox | undefined
  try {
    sandbox = await startSandbox(
      {
        ...request,
        dataFolder,
        tablespaceFolders: [...request.tablespaceMap.values()],
        settings: { ...plan.settings, restore_command: feed.command },
        startTimeoutMs: startTimeoutMs,
      },
      clock,
      signal,
    )
    const point = await awaitTarget(sandbox, plan, context, signal)
    if (request.end === 'promoted') await promote(sandbox, clock, signal)
    return { plan, point, sandbox }
  } catch (error) {
    await sandbox?.stop()
    throw whyItFailed(error, begun.failure, plan)
  }
}

/** Replay up to consistency, before the server answers: bounded by its own death, and by this, ms. */
const startTimeoutMs = 24 * 3_600_000

/**
 * The same without a server: what is to be replayed when the user starts one there. `restoreCommand` is this program's
 * `wal fetch`. Nobody has verified then that the target is hit.
 */
export async function prepareRecovery(
  request: Pick<RecoverToPointRequest, keyof RecoveryRequest | 'restoreSnapshot' | 'tablespaceMap' | 'owner'> & {
    /** What fetches a file of this system's log. */
    readonly restoreCommand: (systemIdentifier: string) => string
    readonly end: 'paused' | 'promoted'
  },
  signal: AbortSignal,
): Promise<{ readonly plan: RecoveryPlan; readonly dataFolder: string }> {
  const plan = await planRecovery(request, signal)
  const dataFolder = await request.restoreSnapshot(plan.snapshot, signal)
  await placeTablespaces(dataFolder, request.tablespaceMap)
  await keepTablespacesOfFolder(dataFolder)
  await beginRecoveryOf(dataFolder)
  const settings = {
    ...plan.settings,
    ...apartFromProduction,
    restore_command: request.restoreCommand(plan.snapshot.systemIdentifier),
    recovery_target_action: request.end === 'paused' ? 'pause' : 'promote',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
  const head = `\n# Recovery to ${describeTarget(plan.target)}; to be removed when it is done and the server takes production's place.\n`
  const path = join(dataFolder, 'postgresql.auto.conf')
  await appendFile(path, head + lines.join(''), { mode: 0o600 })
  if (request.owner !== undefined) {
    for (const name of [path, join(dataFolder, 'recovery.signal')])
      await chown(name, request.owner.uid, request.owner.gid)
  }
  return { plan, dataFolder }
}

/**
 * Where the copy of a cluster brings along what production does with others: it must not archive a timeline of its own
 * between production's, have its commands remove production's files, or take from those that production subscribes to.
 */
const apartFromProduction = {
  archive_mode: 'off',
  archive_cleanup_command: '',
  recovery_end_command: '',
  primary_conninfo: '',
  primary_slot_name: '',
  max_logical_replication_workers: '0',
  // A tablespace that is made on the way is a directory inside: see keepTablespacesInside().
  allow_in_place_tablespaces: 'on',
} as const

async function beginRecoveryOf(dataFolder: string): Promise<void> {
  // A snapshot of a standby would go on as one, and wait for its primary for ever.
  await rm(join(dataFolder, 'standby.signal'), { force: true })
  // The target of an older recovery: the server takes no second one.
  const settingsPath = join(dataFolder, 'postgresql.auto.conf')
  const settings = await readFile(settingsPath, 'utf8').catch(() => '') // Hardly ever absent; then there is nothing in it.
  const others = settings.replace(/^\s*recovery_target(_lsn|_name|_time|_xid)?\s*=.*$/gm, '')
  if (others !== settings) await writeFile(settingsPath, others)
  await writeFile(join(dataFolder, 'recovery.signal'), '', { mode: 0o600 })
}

function feedOf(plan: RecoveryPlan, request: RecoverToPointRequest) {
  const { snapshot } = plan
  const first = segmentName(
    snapshot.timeline,
    segmentOf(snapshot.startLsn, snapshot.segmentBytes),
    snapshot.segmentBytes,
  )
  return {
    archive: request.archive,
    systemIdentifier: snapshot.systemIdentifier,
    segmentBytes: snapshot.segmentBytes,
    names: plan.entries
      .filter(({ partBytes, name }) => partBytes === undefined && name >= first)
      .map(({ name }) => name),
    parentFolder: request.parentFolder,
    processId: request.processId,
    durable: request.durable,
  }
}

async function begin(feed: WalFeed): Promise<WalFeed> {
  await feed.begin()
  return feed
}

function whyItFailed(error: unknown, ofFeed: Failure | undefined, plan: RecoveryPlan): unknown {
  if (ofFeed === undefined) return error
  const { code, message, facts } = ofFeed
  const where = plan.expectedLsn === undefined ? '' : ` (position ${formatLsn(plan.expectedLsn)})`
  return new Failure(code, `Cannot recover to ${describeTarget(plan.target)}${where}: ${message}`, {
    facts,
    cause: error,
  })
}
