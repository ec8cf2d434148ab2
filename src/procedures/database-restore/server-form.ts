import { chmod, rm } from 'node:fs/promises'
import { Failure } from '../../base/failure.ts'
import { comparePostgresqlManifests } from '../../model/compare-postgresql-manifests.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { markArchived } from '../../operations/recover/mark-archived.ts'
import { planOwnEnd } from '../../operations/recover/plan-own-end.ts'
import { planRecovery, type RecoveryPlan, type RecoveryRequest } from '../../operations/recover/plan-recovery.ts'
import { recoverToPoint } from '../../operations/recover/recover-to-point.ts'
import type { User } from '../../posix/user-named.ts'
import { awaitUnusedDataFolder } from '../../sources/postgresql/data-folder-users.ts'
import { installedServers } from '../../sources/postgresql/installed-servers.ts'
import { querySandbox } from '../../sources/postgresql/sandbox-session.ts'
import { startSandbox } from '../../sources/postgresql/sandbox.ts'
import { takePostgresqlManifest } from '../../sources/postgresql/take-manifest.ts'
import { verifyServerPages } from '../../sources/postgresql/verify-server-pages.ts'
import { withRecoveryRequest } from '../point-in-time-recovery/point-in-time-recovery.ts'
import { askServer } from '../postgresql/ask-server.ts'
import { openWalArchive } from '../postgresql/open-wal-archive.ts'
import { type PhysicalBackup, physicalBackups } from '../postgresql/physical-backups.ts'
import { endServersOn } from '../postgresql/servers-on.ts'
import { superuserOf } from '../postgresql/server-user.ts'
import { differencesOf } from '../postgresql/start-backup-sandbox.ts'
import { readManifest } from '../restore/read-manifest.ts'
import { restoreServerFiles } from '../restore/restore-data-folder.ts'
import type { ProcedureContext } from '../runs/procedure-context.ts'
import { newFolderPath, putFolderInPlace } from './data-folder-place.ts'
import type { DatabaseForm, ProvenDatabase, RestoredDatabase } from './database-form.ts'
import { type IdentifiedServer, withBackup } from './identified-backup.ts'

const differencesTold = 5

/**
 * A server is restored beside its old data folder, recovered there by a private server, and promoted, so that it has a timeline
 * of its own and its log is never taken for the old one's. Only what was compared with the manifest comes into the place of the
 * old one, by two renames: production's data is untouched until then.
 */
export function serverForm(point: IdentifiedServer, timeline: 'latest' | number): DatabaseForm {
  return {
    verifyMore: (context, signal) => verifyLog(context, { point, timeline }, signal),
    restore: (context, signal) => restoreBeside(context, { point, timeline }, signal),
    prove: (context, restored, signal) => proveBeside(context, point, restored, signal),
    place: async ({ id, installation }, _restored, signal) => {
      await awaitUnusedDataFolder(point.path, installation.clock, signal)
      return putFolderInPlace({ path: point.path, run: id })
    },
    ask: ({ installation }) => askServer(installation, point.source),
  }
}

interface Wanted {
  readonly point: IdentifiedServer
  readonly timeline: 'latest' | number
}

/** Reads every stored file of the log that the recovery replays; each is authenticated by its seal. */
async function verifyLog(context: ProcedureContext, { point, timeline }: Wanted, signal: AbortSignal): Promise<number> {
  const { source, to } = point
  if (to === null) return 0
  return await withRecoveryRequest(context, { source, to, timeline }, signal, async (request) => {
    const { entries } = await planRecovery(request, signal)
    for (const entry of entries) {
      if ((await request.archive.getGrown(entry, signal)) !== undefined) continue
      throw new Failure(
        'object_missing',
        `Cannot restore database "${source}": WAL "${entry.name}" is not stored any more`,
      )
    }
    return entries.length
  })
}

async function restoreBeside(
  context: ProcedureContext,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<RestoredDatabase> {
  const { installation, id, watch } = context
  const { clock } = installation
  const { point } = wanted
  const beginMs = clock.monotonicMs()
  await awaitUnusedDataFolder(point.path, clock, signal)
  const folder = newFolderPath(point.path, id)
  await endServersOn(installation, folder)
  await awaitUnusedDataFolder(folder, clock, signal) // A private server of a try that was killed ends by itself.
  await rm(folder, { recursive: true, force: true })
  const { location, bytes, role } = await withBackup(context, point, signal, async (opened) => {
    const job = { installation, opened, order: { source: point.source }, watch }
    const { bytes: restoredBytes, problems } = await restoreServerFiles(job, folder)
    if (problems.length > 0) throw notWhole(point, problems)
    const manifest = await readManifest(opened)
    const superuser = manifest?.kind === 'postgresql' ? superuserOf(manifest) : undefined
    return { location: opened.location, bytes: restoredBytes, role: superuser }
  })
  const timeline = await recoverAndPromote(context, wanted, { folder, role }, signal)
  await markArchived(folder, timeline, ownerOf(context, point))
  await chmod(folder, point.mode)
  return { location, bytes, timeline, durationMs: Math.round(clock.monotonicMs() - beginMs) }
}

/** Answers the new timeline; the server is stopped in good order. */
async function recoverAndPromote(
  context: ProcedureContext,
  wanted: Wanted,
  { folder, role }: { readonly folder: string; readonly role: string | undefined },
  signal: AbortSignal,
): Promise<number> {
  const { installation } = context
  const { clock, programs, process } = installation
  return await withPlan(context, wanted, signal, async (request, plan) => {
    const { sandbox } = await recoverToPoint(
      {
        ...request,
        plan,
        restoreSnapshot: async () => folder,
        tablespaceMap: new Map(),
        end: 'promoted',
        owner: ownerOf(context, wanted.point),
        servers: await installedServers(programs, signal),
        parentFolder: programs.sharedFolder,
        lifetime: 'caller',
        durable: true,
        searchPath: programs.searchPath,
        processId: process.processId,
        ...(role !== undefined && { role }),
      },
      { clock, progress: () => {} },
      signal,
    )
    await using server = sandbox
    const [row] = await querySandbox(server.url, 'SELECT timeline_id FROM pg_control_checkpoint()')
    return Number(row?.['timeline_id'])
  })
}

async function withPlan<Answer>(
  { installation, watch }: ProcedureContext,
  { point, timeline }: Wanted,
  signal: AbortSignal,
  work: (request: RecoveryRequest, plan: RecoveryPlan) => Promise<Answer>,
): Promise<Answer> {
  const { source, to } = point
  if (to !== null) {
    return await withRecoveryRequest({ installation, watch }, { source, to, timeline }, signal, async (request) => {
      const plan = await planRecovery(request, signal)
      if (plan.snapshot.id === point.backup) return await work(request, plan)
      throw new Failure('refused', `Cannot go on: backup "${plan.snapshot.id.slice(0, 8)}" is the right one now`, {
        facts: { hint: 'Roll this run back and begin anew' },
      })
    })
  }
  const { snapshot, facts } = await baseOf({ installation, watch }, point, signal)
  await using opened = await openWalArchive(installation, { source, use: 'read' }, watch, signal)
  const plan = planOwnEnd(snapshot, facts.restorePoint)
  const request = { archive: opened.archive, snapshots: [snapshot], target: plan.target, timeline: snapshot.timeline }
  return await work(request, plan)
}

async function baseOf(
  { installation, watch }: Pick<ProcedureContext, 'installation' | 'watch'>,
  { source, backup }: IdentifiedServer,
  signal: AbortSignal,
): Promise<PhysicalBackup> {
  const { found } = await physicalBackups(installation, source, watch, signal)
  const base = found.find((one) => one.backup.id === backup)
  if (base !== undefined) return base
  throw new Failure('snapshot_missing', `Cannot restore backup "${backup.slice(0, 8)}": it can not be read any more`)
}

/** Has a private server on the restored folder compared with the manifest, where it is at the backup's own state, and checked. */
async function proveBeside(
  context: ProcedureContext,
  point: IdentifiedServer,
  restored: RestoredDatabase,
  signal: AbortSignal,
): Promise<ProvenDatabase> {
  const { installation, id, run } = context
  const { catalog, clock, programs } = installation
  const folder = newFolderPath(point.path, id)
  await endServersOn(installation, folder)
  await awaitUnusedDataFolder(folder, clock, signal)
  const found = await withBackup(context, point, signal, (opened) => readManifest(opened))
  const manifest = found?.kind === 'postgresql' ? found : undefined
  const role = superuserOf(manifest)
  await using sandbox = await startSandbox(
    {
      dataFolder: folder,
      servers: await installedServers(programs, signal),
      owner: ownerOf(context, point),
      parentFolder: programs.sharedFolder,
      lifetime: 'caller',
      durable: true,
      searchPath: programs.searchPath,
      ...(role !== undefined && { role }),
    },
    clock,
    signal,
  )
  const order = { source: point.source, amcheck: 'where installed' } as const
  const faults = await verifyServerPages({ url: sandbox.url, dataFolder: folder }, signal, () =>
    differencesOf(installation, order, { sandbox, manifest: undefined }, signal),
  )
  const compared = point.to === null ? await compare(point, sandbox.url, manifest, signal) : laterThanBackup
  if (compared.outcome === 'equal' || compared.outcome === 'different') {
    const { location, durationMs } = restored
    const outcome = faults.length > 0 ? 'different' : compared.outcome
    await catalog.addProof({
      run,
      at: clock.now(),
      backup: point.backup,
      source: point.source,
      location,
      durationMs,
      outcome,
    })
  }
  if (compared.outcome === 'different') faults.push(...compared.differences)
  if (faults.length > 0) {
    const told = faults.slice(0, differencesTold).join('; ')
    throw new Failure('not_proven', `Cannot prove database "${point.source}": ${told}; "${point.path}" is untouched`)
  }
  const tables = (manifest?.databases ?? []).reduce((sum, database) => sum + database.tables.length, 0)
  return { outcome: compared.outcome === 'equal' ? 'equal' : 'not compared', tables, doubts: compared.differences }
}

interface Compared {
  readonly outcome: 'equal' | 'different' | 'bounded' | 'later'
  readonly differences: readonly string[]
}

/** The target of a recovery is verified as it is reached; a manifest is of the backup's own moment. */
const laterThanBackup: Compared = { outcome: 'later', differences: [] }

async function compare(
  { backup, path }: IdentifiedServer,
  url: string,
  manifest: PostgresqlManifest | undefined,
  signal: AbortSignal,
): Promise<Compared> {
  if (manifest === undefined) {
    throw new Failure('not_proven', `Cannot prove database "${path}": backup "${backup.slice(0, 8)}" has no manifest`)
  }
  const now = await takePostgresqlManifest({ url }, { like: manifest }, signal)
  const differences = comparePostgresqlManifests(manifest, now, { sameServer: true }).map(
    ({ what, expected, found }) => `${what}: found ${found}, expected ${expected}`,
  )
  if (differences.length === 0) return { outcome: 'equal', differences }
  // What a bounded manifest differs in may have come between it and its backup.
  if (manifest.view.state === 'bounded')
    return { outcome: 'bounded', differences: differences.slice(0, differencesTold) }
  return { outcome: 'different', differences }
}

/** Whom private servers run as, and who gets the files. */
function ownerOf({ installation }: ProcedureContext, { owner }: IdentifiedServer): User | undefined {
  return installation.host.userId === 0 && owner !== null ? owner : undefined
}

function notWhole(point: IdentifiedServer, faults: readonly string[]): Failure {
  return new Failure(
    'not_proven',
    `Cannot restore backup "${point.backup.slice(0, 8)}": ${faults.length} of its files are not what was backed up: ${faults[0]!}`,
    { facts: { hint: 'Run `heal`, or restore from the other location with --location' } },
  )
}
