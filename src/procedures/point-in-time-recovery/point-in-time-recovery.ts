import { Failure } from '../../base/failure.ts'
import { stepNames } from '../../model/procedures/policy-procedures.ts'
import { planRecovery, type RecoveryRequest } from '../../operations/recover/plan-recovery.ts'
import { recoverToPoint } from '../../operations/recover/recover-to-point.ts'
import { describeTarget, formatTimeUs, parseRecoveryTarget } from '../../operations/recover/recovery-target.ts'
import { amcheckSandbox, amcheckUsual } from '../../sources/postgresql/amcheck.ts'
import { installedServers } from '../../sources/postgresql/installed-servers.ts'
import { formatLsn } from '../../sources/postgresql/lsn.ts'
import { openWalArchive } from '../postgresql/open-wal-archive.ts'
import { type PhysicalBackup, physicalBackups, requirePostgresql } from '../postgresql/physical-backups.ts'
import { noSnapshot, requireEmpty, restoreSnapshot, roleOf, tablespaceMap } from '../postgresql/recover-source.ts'
import { sandboxName } from '../postgresql/sandbox-name.ts'
import { serverUser } from '../postgresql/server-user.ts'
import { endServersOn, serversOn } from '../postgresql/servers-on.ts'
import { failedServerAssertions } from '../postgresql/ask-restored-server.ts'
import type { ProcedureContext, ProcedureOutcome } from '../runs/procedure-context.ts'
import type { StepRunner } from '../step-runner.ts'

/** What is asked for. Plain JSON. */
export interface PointInTimeOrder {
  readonly source: string
  /** As `restore --to` takes it: a time, `latest`, an LSN, the name of a restore point, a transaction. */
  readonly to: string
  readonly timeline: 'latest' | number
  /** An absolute path, of nothing or an empty folder. */
  readonly into: string
  /** Name of the user that the server runs as. */
  readonly owner?: string
  /** From a tablespace, by its number or its old folder, to its new folder. */
  readonly tablespaces: Readonly<Record<string, string>>
  readonly end: 'paused' | 'promoted'
}

/** Where a recovery begins and ends, once it is decided. Plain JSON. */
export interface PointDecided {
  readonly backup: string
  readonly timeline: number
  readonly target: string
  /** Stored files of the log that are replayed at most. */
  readonly logFiles: number
}

/** Where the server stands. Plain JSON. */
interface PointReached {
  readonly sandbox: string
  readonly url: string
  readonly version: string
  readonly lsn: string
  /** What was replayed to come there: the forecast of the recovery time is drawn from it. */
  readonly replayedBytes: number
  readonly lastEnd: string | null
  readonly said: string
}

export const pointInTimeSteps = stepNames('point-in-time-recovery')

/**
 * Point-in-time recovery, step by step as the policy document has it, into a new folder with a private server. Nothing in
 * production is touched and nothing is archived. Each step may run twice: a restore goes on where it was, and a server that an
 * earlier try left on the folder is ended before another one starts there.
 */
export async function pointInTimeRecovery(
  context: ProcedureContext,
  order: PointInTimeOrder,
  step: StepRunner,
): Promise<ProcedureOutcome> {
  const [identify, restore, apply, verify] = pointInTimeSteps
  const point = await step(identify!, (signal) => identifyPoint(context, order, signal))
  await step(restore!, (signal) => restoreBase(context, order, point, signal))
  const reached = await step(apply!, (signal) => replay(context, order, point, signal))
  const faults = await step(verify!, (signal) => verifyRecovered(context, order, reached, signal))
  const { source, into, end } = order
  const last = reached.lastEnd === null ? '' : `, last transaction of ${reached.lastEnd}`
  return {
    isProven: faults.length === 0,
    summary: `${source} stands at ${point.target} in ${into}: ${reached.lsn}${last}; ${end}, \`sandbox stop ${reached.sandbox}\` ends its server`,
    gaps: faults,
    facts: { ...point, ...reached, into, state: end },
  }
}

/** Decides the snapshot and proves that the stored log reaches the target; touches nothing. */
export async function identifyPoint(
  { installation, watch }: Pick<ProcedureContext, 'installation'> & Partial<Pick<ProcedureContext, 'watch'>>,
  order: PointInTimeOrder,
  signal: AbortSignal,
): Promise<PointDecided> {
  requirePostgresql(installation, order.source)
  serverUser(installation, order.owner)
  await requireEmpty(order.into)
  return await withRecoveryRequest({ installation, watch: watch ?? silent }, order, signal, async (request) => {
    const { snapshot, timeline, target, entries } = await planRecovery(request, signal)
    return { backup: snapshot.id, timeline, target: describeTarget(target), logFiles: entries.length }
  })
}

const silent = { progress: (): void => {}, notice: (): void => {} }

/** What a recovery is planned from, while the stored log is open. */
export async function withRecoveryRequest<Answer>(
  { installation, watch }: Pick<ProcedureContext, 'installation' | 'watch'>,
  order: Pick<PointInTimeOrder, 'source' | 'to' | 'timeline'>,
  signal: AbortSignal,
  work: (request: RecoveryRequest, found: readonly PhysicalBackup[]) => Promise<Answer>,
): Promise<Answer> {
  const target = parseRecoveryTarget(order.to)
  const { found, unread } = await physicalBackups(installation, order.source, watch, signal)
  for (const { backup, detail } of unread) watch.notice(`backup ${backup.id.slice(0, 8)} is left out: ${detail}`)
  if (found.length === 0) throw noSnapshot(order.source, unread[0]?.detail)
  await using opened = await openWalArchive(installation, { source: order.source, use: 'read' }, watch, signal)
  const snapshots = found.map(({ snapshot }) => snapshot)
  return await work({ archive: opened.archive, snapshots, target, timeline: order.timeline }, found)
}

async function restoreBase(
  { installation, watch }: ProcedureContext,
  order: PointInTimeOrder,
  point: PointDecided,
  signal: AbortSignal,
): Promise<string> {
  const { found } = await physicalBackups(installation, order.source, watch, signal)
  const base = found.find(({ backup }) => backup.id === point.backup)
  if (base === undefined) {
    throw new Failure(
      'snapshot_missing',
      `Cannot restore backup "${point.backup.slice(0, 8)}": it was removed meanwhile`,
    )
  }
  await restoreSnapshot(installation, { order, base }, watch, signal)
  return order.into
}

async function replay(
  context: ProcedureContext,
  order: PointInTimeOrder,
  point: PointDecided,
  signal: AbortSignal,
): Promise<PointReached> {
  const { installation, watch } = context
  const { clock, programs, process } = installation
  await endServersOn(installation, order.into)
  return await withRecoveryRequest(context, order, signal, async (request, found) => {
    const {
      sandbox,
      point: reached,
      plan,
    } = await recoverToPoint(
      {
        ...request,
        restoreSnapshot: async ({ id }) => {
          if (id === point.backup) return order.into
          throw new Failure('refused', `Cannot go on: backup "${id.slice(0, 8)}" is the right one now`, {
            facts: { hint: 'Begin anew, into another folder' },
          })
        },
        tablespaceMap: tablespaceMap(new Map(Object.entries(order.tablespaces)), found),
        owner: serverUser(installation, order.owner),
        end: order.end,
        servers: await installedServers(programs, signal),
        parentFolder: programs.sharedFolder,
        lifetime: 'detached',
        durable: true,
        searchPath: programs.searchPath,
        processId: process.processId,
        ...(await roleOf(installation, found.at(-1)!, watch, signal)),
      },
      { clock, progress: () => {} },
      signal,
    )
    return {
      sandbox: sandboxName(sandbox.socketFolder),
      url: sandbox.url,
      version: sandbox.version,
      lsn: formatLsn(reached.lsn),
      replayedBytes: Math.max(0, Number(reached.lsn - plan.snapshot.startLsn)),
      lastEnd: reached.lastEndUs === undefined ? null : formatTimeUs(reached.lastEndUs),
      said: reached.said,
    }
  })
}

/** The server of the recovery is asked what the policy asserts, and checked in depth. A paused one can not be written to. */
async function verifyRecovered(
  { installation }: ProcedureContext,
  { source, into, end }: PointInTimeOrder,
  { url }: PointReached,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const [server] = await serversOn(installation, into)
  if (server?.isAlive !== true) {
    throw new Failure('not_proven', `Cannot verify what was recovered into "${into}": its server ended meanwhile`, {
      facts: { hint: 'Begin anew, into another folder' },
    })
  }
  const faults = await failedServerAssertions(installation, { source, url }, signal)
  if (end === 'paused') return faults
  for (const { database, faults: found } of await amcheckSandbox(url, amcheckUsual, signal)) {
    faults.push(...found.map(({ relation, detail }) => `${relation} of database ${database}: ${detail}`))
  }
  return faults
}
