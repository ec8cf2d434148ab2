import { mkdtemp, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { comparePostgresqlManifests } from '../../model/compare-postgresql-manifests.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { amcheckEverything, amcheckSandbox, amcheckUsual } from '../../sources/postgresql/amcheck.ts'
import { installedServers } from '../../sources/postgresql/installed-servers.ts'
import { type Sandbox, startSandbox } from '../../sources/postgresql/sandbox.ts'
import type { PostgresqlConnectionOptions } from '../../sources/postgresql/connection-options.ts'
import { type ManifestOptions, takePostgresqlManifest } from '../../sources/postgresql/take-manifest.ts'
import type { Installation, Watch } from '../installation.ts'
import { chooseBackup } from '../restore/choose-backup.ts'
import { openBackup, type OpenedBackup } from '../restore/open-backup.ts'
import { readManifest } from '../restore/read-manifest.ts'
import { restoreServerFiles } from '../restore/restore-data-folder.ts'
import { failedServerAssertions } from './ask-restored-server.ts'
import { requirePostgresql } from './physical-backups.ts'
import { readDumpFacts } from './read-dump-facts.ts'
import { sandboxName } from './sandbox-name.ts'
import { serverUser, superuserOf } from './server-user.ts'

export interface SandboxOrder {
  readonly run: string
  readonly source: string
  /** `latest`, or the beginning of a backup's id. */
  readonly backup: string
  /** Name of the user that the server runs as. */
  readonly owner: string | undefined
  /** Whether every table and index is checked by amcheck too; `wanted`: that it is not installed is told then. */
  readonly amcheck: 'none' | 'where installed' | 'wanted'
}

/** A private server on a backup, compared with the backup's manifest. */
export interface StartedSandbox {
  readonly source: string
  readonly backup: string
  readonly name: string
  readonly url: string
  readonly version: string
  readonly dataFolder: string
  /** `not compared`: the backup has no manifest, or one that is bounded and differs within its bounds. */
  readonly outcome: 'equal' | 'different' | 'not compared'
  readonly differences: readonly string[]
  readonly durationMs: number
}

/** Data folders that go away with their server begin with it. */
export const dataFolderPrefix = 'zakops-data-'
const differencesMax = 100

/**
 * Restores a physical snapshot into a folder of its own, starts a private server on it, and compares what that server holds
 * with the backup's manifest; the proof goes on record. The server stays until it is stopped. Nothing of production is
 * touched. Failures: those of openBackup(), of the restore and of startSandbox(); nothing is left behind then.
 */
export async function startBackupSandbox(
  installation: Installation,
  order: SandboxOrder,
  watch: Watch,
  signal: AbortSignal,
): Promise<StartedSandbox> {
  const { catalog, clock, policy, programs } = installation
  requirePostgresql(installation, order.source)
  const backups = (await catalog.backups({ source: order.source })).filter(
    ({ environment }) => environment === policy.environment,
  )
  const backup = chooseBackup(order.source, backups, order.backup)
  const beginMs = clock.monotonicMs()
  await using opened = await openBackup(installation, { backup, location: undefined }, watch, signal)
  await requirePhysical(opened)
  const found = await readManifest(opened)
  const manifest = found?.kind === 'postgresql' ? found : undefined
  const dataFolder = await mkdtemp(join(programs.sharedFolder, dataFolderPrefix))
  let sandbox: Sandbox | undefined
  try {
    await restoreWhole({ installation, opened, order, watch }, dataFolder)
    const role = superuserOf(manifest)
    sandbox = await startSandbox(
      {
        dataFolder,
        servers: await installedServers(programs, signal),
        owner: serverUser(installation, order.owner),
        parentFolder: programs.sharedFolder,
        lifetime: 'detached',
        searchPath: programs.searchPath,
        ...(role !== undefined && { role }),
      },
      clock,
      signal,
    )
    const differences = await differencesOf(installation, order, { sandbox, manifest }, signal)
    const isBounded = manifest?.view.state === 'bounded' && differences.length > 0
    const outcome =
      manifest === undefined || isBounded ? 'not compared' : differences.length > 0 ? 'different' : 'equal'
    const durationMs = Math.round(clock.monotonicMs() - beginMs)
    if (outcome !== 'not compared') {
      const proof = { run: order.run, at: clock.now(), backup: backup.id, source: order.source, durationMs }
      await catalog.addProof({ ...proof, location: opened.location, outcome })
    }
    const { url, version, socketFolder } = sandbox
    const told = { source: order.source, backup: backup.id, name: sandboxName(socketFolder), url, version, dataFolder }
    return { ...told, outcome, differences: differences.slice(0, differencesMax), durationMs }
  } catch (error) {
    await sandbox?.stop()
    await rm(dataFolder, { recursive: true, force: true })
    throw error
  }
}

/** Whether a data folder was made for its server alone, and goes with it. */
export function isOwnDataFolder(dataFolder: string): boolean {
  return basename(dataFolder).startsWith(dataFolderPrefix)
}

async function requirePhysical(opened: OpenedBackup): Promise<void> {
  if ((await readDumpFacts(opened)) === undefined) return
  throw new Failure('usage', `Cannot start a server on backup "${opened.snapshot.id.slice(0, 8)}": it holds dumps`, {
    facts: { hint: '`restore <source> --to <folder>` brings the dumps back for pg_restore' },
  })
}

async function restoreWhole(
  job: Parameters<typeof restoreServerFiles>[0] & { readonly opened: OpenedBackup },
  dataFolder: string,
): Promise<void> {
  const { problems } = await restoreServerFiles(job, dataFolder)
  if (problems.length === 0) return
  const id = job.opened.snapshot.id.slice(0, 8)
  throw new Failure(
    'not_proven',
    `Cannot start a server on backup "${id}": ${problems.length} faults: ${problems[0]!}`,
    {
      facts: { hint: 'Run `verify --read-data`, then `heal`' },
    },
  )
}

/** In what a private server differs from the manifest of its backup, or from a part of it, a sentence each. */
export async function manifestDifferences(
  connection: PostgresqlConnectionOptions,
  options: ManifestOptions & { readonly like: PostgresqlManifest },
  signal: AbortSignal,
): Promise<string[]> {
  const now = await takePostgresqlManifest(connection, options, signal)
  return comparePostgresqlManifests(options.like, now, { sameServer: true }).map(
    ({ what, expected, found }) => `${what}: found ${found}, expected ${expected}`,
  )
}

/** In what a private server differs from the manifest of its backup, and the assertions of the policy that it fails. */
export async function differencesOf(
  installation: Installation,
  order: Pick<SandboxOrder, 'source' | 'amcheck'>,
  { sandbox, manifest }: { readonly sandbox: Sandbox; readonly manifest: PostgresqlManifest | undefined },
  signal: AbortSignal,
): Promise<string[]> {
  const { url } = sandbox
  const differences: string[] = []
  if (manifest !== undefined) differences.push(...(await manifestDifferences({ url }, { like: manifest }, signal)))
  differences.push(...(await failedServerAssertions(installation, { source: order.source, url }, signal)))
  if (order.amcheck === 'none') return differences
  const depth = order.amcheck === 'wanted' ? amcheckEverything : amcheckUsual
  for (const { database, state, faults } of await amcheckSandbox(url, depth, signal)) {
    if (state === 'absent' && order.amcheck === 'wanted')
      differences.push(`database ${database} was not checked: amcheck is not installed here`)
    for (const { relation, detail } of faults) differences.push(`${relation} of database ${database}: ${detail}`)
  }
  return differences
}
