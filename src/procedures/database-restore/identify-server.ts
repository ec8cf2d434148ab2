import { statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import type { PostgresqlSourcePolicy } from '../../model/policy/policy.ts'
import { locationsOf } from '../../model/policy/resolve-policy.ts'
import { liesIn, storagePlace } from '../../model/policy/storage-place.ts'
import { planRecovery } from '../../operations/recover/plan-recovery.ts'
import { describeTarget } from '../../operations/recover/recovery-target.ts'
import { dataFolderUsers } from '../../sources/postgresql/data-folder-users.ts'
import { installedServers } from '../../sources/postgresql/installed-servers.ts'
import { withRecoveryRequest } from '../point-in-time-recovery/point-in-time-recovery.ts'
import { type PhysicalBackup, physicalBackups } from '../postgresql/physical-backups.ts'
import { serverUser } from '../postgresql/server-user.ts'
import type { Watch } from '../installation.ts'
import { chooseBackup } from '../restore/choose-backup.ts'
import type { ProcedureContext } from '../runs/procedure-context.ts'
import { servicesOf } from '../services/services.ts'
import { oldFolderPath, requireRenamable } from './data-folder-place.ts'
import type { DatabaseRestoreOrder, IdentifiedServer } from './identified-backup.ts'

type Context = Pick<ProcedureContext, 'installation' | 'id'> & { readonly watch: Watch }

/**
 * Decides what to restore of a PostgreSQL server, and touches nothing. Failures of chooseBackup() and planRecovery(); `usage` where
 * the policy names no data directory, `unsupported` where no server of the version is installed on which the result could be
 * proven, `database_busy` where a server runs that no service of the source would stop.
 */
export async function identifyServer(
  context: Context,
  policy: PostgresqlSourcePolicy,
  order: DatabaseRestoreOrder,
  signal: AbortSignal,
): Promise<IdentifiedServer> {
  const { installation, id } = context
  const { source, location } = order
  const path = policy.dataDirectory
  if (path === undefined) {
    throw new Failure('usage', `Cannot restore database "${source}": the policy does not name its data directory`, {
      facts: {
        hint: 'Set `dataDirectory` of the source where the server is on this machine, and make the server one of its `services`; else use `procedure run point-in-time-recovery`',
      },
    })
  }
  const base = await chooseBase(context, order, signal)
  const { backup, facts } = base
  await requireServer(installation, Math.floor(facts.serverVersion / 10_000), signal)
  requireRenamable(path)
  requireNothingOfOurs(installation, path)
  await requireRoom(path, backup.bytes)
  const services = servicesOf(installation, source)
  if (services.length === 0) requireNobody(path)
  const known = statOf(path)
  const owner = known === undefined || known.uid === 0 ? serverUser(installation, order.owner) : known
  return {
    form: 'server',
    backup: backup.id,
    source,
    sourceKind: backup.sourceKind,
    takenAt: backup.takenAt.toISOString(),
    location,
    path,
    oldPath: oldFolderPath(path, id),
    services,
    hadOld: known !== undefined,
    to: order.to ?? null,
    target: base.target,
    owner: owner === undefined ? null : { uid: owner.uid, gid: owner.gid },
    mode: known?.mode ?? 0o700,
  }
}

async function chooseBase(
  { installation, watch }: Context,
  order: DatabaseRestoreOrder,
  signal: AbortSignal,
): Promise<PhysicalBackup & { readonly target: string }> {
  const { source, to } = order
  if (to !== undefined) {
    return await withRecoveryRequest(
      { installation, watch },
      { source, to, timeline: order.timeline ?? 'latest' },
      signal,
      async (request, found) => {
        const { snapshot, target } = await planRecovery(request, signal)
        return { ...found.find((one) => one.snapshot.id === snapshot.id)!, target: describeTarget(target) }
      },
    )
  }
  const { catalog, policy } = installation
  const backups = (await catalog.backups({ source })).filter(({ environment }) => environment === policy.environment)
  const backup = chooseBackup(source, backups, order.backup)
  const { found, unread } = await physicalBackups(installation, source, watch, signal)
  const base = found.find((one) => one.backup.id === backup.id)
  if (base !== undefined) return { ...base, target: 'the state of the backup' }
  const detail = unread.find((one) => one.backup.id === backup.id)?.detail ?? 'it is no physical snapshot'
  throw new Failure('usage', `Cannot restore database "${source}" from backup "${backup.id.slice(0, 8)}": ${detail}`)
}

async function requireServer(
  { programs }: ProcedureContext['installation'],
  major: number,
  signal: AbortSignal,
): Promise<void> {
  const servers = await installedServers(programs, signal)
  if (servers.some((server) => server.major === major)) return
  const found = servers.map(({ version }) => version).join(', ') || 'none'
  throw new Failure(
    'unsupported',
    `Cannot restore a backup of PostgreSQL ${major}: found servers ${found}, expected ${major}`,
    { facts: { hint: `Install PostgreSQL ${major}, on which the result is proven before it is put into place` } },
  )
}

/** What lies in the data folder is moved aside with it. Failure `target_unsafe`. */
function requireNothingOfOurs({ policy }: ProcedureContext['installation'], path: string): void {
  const data = { adapter: 'local', path } as const
  const ours = [
    { what: 'the state folder', place: { adapter: 'local', path: policy.state } as const },
    { what: 'the keyring', place: { adapter: 'local', path: policy.encryption.keyManagement.keyring } as const },
    ...locationsOf(policy).map(({ name, location }) => {
      return { what: `the ${name} location`, place: storagePlace(location.storage) }
    }),
  ]
  const inside = ours.find(({ place }) => liesIn(place, data))
  if (inside === undefined) return
  throw new Failure('target_unsafe', `Cannot replace data folder "${path}": ${inside.what} of the policy lies in it`, {
    facts: { hint: 'Keep it apart from the data that it protects' },
  })
}

/** Old and new lie beside each other; so that nobody finds that out when everything is stopped. Failure `target_failed`. */
async function requireRoom(path: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path)).catch((cause: unknown) => {
    throw new Failure('target_failed', `Cannot look at the folder of data folder "${path}"`, { cause })
  })
  if (bavail * bsize >= bytes) return
  throw new Failure(
    'target_failed',
    `Cannot restore beside "${path}": ${bavail * bsize} bytes are free, expected ${bytes}`,
    {
      facts: { hint: 'The old data folder stays beside the new one: make room for both' },
    },
  )
}

/** Without a service there is nobody who stops the server. */
function requireNobody(path: string): void {
  const users = dataFolderUsers(path)
  if (users.length === 0) return
  throw new Failure(
    'database_busy',
    `Cannot replace data folder "${path}": a PostgreSQL server has it in use (process ${users[0]}), and the source names no service that stops it`,
    { facts: { hint: 'Name the server itself under `services` of the source, or stop it first' } },
  )
}

function statOf(path: string): { readonly uid: number; readonly gid: number; readonly mode: number } | undefined {
  try {
    const { uid, gid, mode } = statSync(path)
    return { uid, gid, mode: mode & 0o777 }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw new Failure('target_failed', `Cannot look at data folder "${path}"`, { cause: error })
  }
}
