import { hash } from 'node:crypto'
import { isFailure } from '../../base/failure.ts'
import {
  type PostgresqlBackup,
  postgresqlBackupPath,
  postgresqlBackupSchema,
  serverManifestPath,
} from '../../model/postgresql-backup.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Repository } from '../../repository/repository.ts'
import { type BackupManifest, parseBackupManifest } from '../../sources/postgresql/backup-manifest.ts'
import { ParentFiles } from './parent-files.ts'

/** What an incremental backup goes on from. */
export interface PostgresqlParent {
  readonly files: ParentFiles
  readonly facts: PostgresqlBackup
  /** Of its data directory as it is. */
  readonly manifest: BackupManifest
  /** The server's own of that backup, which it wants back. */
  readonly serverManifest: Buffer
}

const factsBytesMax = 1024 * 1024
const manifestBytesMax = 1024 * 1024 * 1024

/** What a snapshot says of itself; undefined where it is none of PostgreSQL, or can not be read. */
export async function readPostgresqlBackup(files: ParentFiles): Promise<PostgresqlBackup | undefined> {
  try {
    const json = await files.read(postgresqlBackupPath, factsBytesMax)
    return json === undefined ? undefined : postgresqlBackupSchema.safeParse(JSON.parse(json.toString('utf8'))).data
  } catch (error) {
    if (error instanceof SyntaxError || isDamage(error)) return undefined
    throw error
  }
}

/**
 * Reads what is needed of a parent snapshot to go on from it. Undefined where it can not be: it is damaged, of another
 * server or major version, or from before 17. Then everything is read, which needs no parent.
 */
export async function readPostgresqlParent(
  repository: Repository,
  snapshot: Snapshot,
  server: { readonly systemIdentifier: string; readonly major: number },
  signal: AbortSignal,
): Promise<PostgresqlParent | undefined> {
  const files = new ParentFiles(repository, snapshot.tree, signal)
  const facts = await readPostgresqlBackup(files)
  if (facts === undefined || facts.systemIdentifier !== server.systemIdentifier) return undefined
  if (server.major < 17 || Math.floor(facts.serverVersion / 10_000) !== server.major) return undefined
  try {
    const serverManifest = await files.read(serverManifestPath, manifestBytesMax)
    const manifest = await files.read(`${facts.dataDirectory}/backup_manifest`, manifestBytesMax)
    if (serverManifest === undefined || manifest === undefined) return undefined
    if (hash('sha256', serverManifest) !== facts.backupManifestDigest) return undefined
    return { files, facts, manifest: parseBackupManifest(manifest), serverManifest }
  } catch (error) {
    if (isDamage(error) || isFailure(error, 'connection_failed')) return undefined // Its manifest is none.
    throw error
  }
}

function isDamage(error: unknown): boolean {
  return isFailure(error, 'repository_damaged') || isFailure(error, 'object_missing')
}
