import { delimiter } from 'node:path'
import { Failure, isFailure } from '../../base/failure.ts'
import type { PostgresqlSourcePolicy } from '../../model/policy/policy.ts'
import type { BackupReport } from '../../operations/back-up/back-up.ts'
import { backUpPostgresql } from '../../operations/back-up-postgresql/back-up-postgresql.ts'
import { dumpPostgresql } from '../../operations/dump-postgresql/dump-postgresql.ts'
import type { PostgresqlConnectionOptions } from '../../sources/postgresql/connection-options.ts'
import { installedServers } from '../../sources/postgresql/installed-servers.ts'
import type { Installation } from '../installation.ts'
import type { SourceJob } from './back-up-source.ts'
import { backupContext } from './backup-context.ts'

/** Tables of a database that are dumped at the same time. */
const dumpJobs = 2
/** Of what a manifest can not tell, so much is named in a warning; the manifest has it all. */
const toldMax = 10

/**
 * Backs up a PostgreSQL server: a physical snapshot that starts wherever it is restored, or, where the policy says so, dumps
 * of its databases. A full has the server send every block, and reads the packs that the backup relies on.
 */
export async function backUpPostgresqlSource(job: SourceJob): Promise<BackupReport> {
  const policy = job.installation.policy.sources[job.source]
  if (policy?.kind !== 'postgresql') throw new Failure('defect', `Source "${job.source}" is not one of PostgreSQL`)
  const take = policy.mode === 'logical' ? dump : snapshot
  try {
    return await take(job, policy)
  } catch (error) {
    // Packs that turned out to be damaged are out of the index now: the second time their content is stored anew.
    if (!isFailure(error, 'repository_damaged') || error.facts['packs'] === undefined) throw error
    job.watch.notice(`${job.source}: ${error.message}; it is backed up again without them`)
    const report = await take(job, policy)
    return { ...report, packsWithdrawn: [...report.packsWithdrawn, ...String(error.facts['packs']).split(', ')] }
  }
}

async function snapshot(job: SourceJob, policy: PostgresqlSourcePolicy): Promise<BackupReport> {
  const { installation, locked, kind, watch } = job
  const report = await backUpPostgresql(
    {
      ...(await commonOf(job, policy)),
      manifest: { tableBytesMax: policy.manifestTableBytesMax },
      ...(kind === 'full' ? { transfer: 'all', rehash: 'relied' } : { transfer: 'changes' }),
    },
    backupContext(installation, watch),
    locked.signal,
  )
  const view = report.manifest?.view
  if (view?.state !== 'bounded') return report
  const some = view.transactions.slice(0, toldMax).join(', ')
  const more = view.transactions.length - toldMax
  const bounded = `The server was too busy for an exact manifest; in the snapshot or not may be: ${some}${more > 0 ? ` and ${more} more` : ''}`
  return { ...report, warnings: [...report.warnings, bounded] }
}

async function dump(job: SourceJob, policy: PostgresqlSourcePolicy): Promise<BackupReport> {
  const { installation, locked, kind, watch } = job
  return await dumpPostgresql(
    {
      ...(await commonOf(job, policy)),
      ...(await clientPrograms(installation, locked.signal)),
      workFolder: installation.workFolder,
      jobs: dumpJobs,
      tableBytesMax: policy.manifestTableBytesMax,
      ...(kind === 'full' && { rehash: 'relied' }),
    },
    backupContext(installation, watch),
    locked.signal,
  )
}

/** Where the client programs may be, and what they are started with. */
export async function clientPrograms(
  { programs }: Pick<Installation, 'programs'>,
  signal: AbortSignal,
): Promise<{ readonly toolFolders: readonly string[]; readonly environment: Readonly<Record<string, string>> }> {
  const { searchPath, homeFolder } = programs
  const servers = await installedServers(programs, signal)
  return {
    toolFolders: [
      ...servers.map(({ binFolder }) => binFolder),
      ...searchPath.split(delimiter).filter((folder) => folder.startsWith('/')),
    ],
    environment: { PATH: searchPath, ...(homeFolder !== undefined && { HOME: homeFolder }) },
  }
}

async function commonOf(
  { installation, locked, source, parent, tags, time }: SourceJob,
  policy: PostgresqlSourcePolicy,
) {
  const { hostname, username } = installation.host
  const connection = await connectionOf(installation, policy)
  return { repository: locked.repository, source, connection, hostname, username, tags, parent, time }
}

/** How the server of a source is reached. */
export async function connectionOf(
  { secret, clock }: Pick<Installation, 'secret' | 'clock'>,
  { url, password }: PostgresqlSourcePolicy,
): Promise<PostgresqlConnectionOptions> {
  return { url, clock, ...(password !== undefined && { password: await secret(password) }) }
}
