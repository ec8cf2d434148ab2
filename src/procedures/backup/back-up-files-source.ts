import { Failure } from '../../base/failure.ts'
import type { BackupReport } from '../../operations/back-up/back-up.ts'
import { backUpFiles } from '../../operations/files-manifest/back-up-files.ts'
import type { SourceJob } from './back-up-source.ts'
import { backupContext } from './backup-context.ts'

/** Backs up a source of files: a full reads every byte of it, and of the packs that the backup relies on. */
export async function backUpFilesSource(job: SourceJob): Promise<BackupReport> {
  const { installation, locked, source, kind, parent, tags, time, watch } = job
  const policy = installation.policy.sources[source]
  if (policy?.kind !== 'files') throw new Failure('defect', `Source "${source}" is not one of files`)
  const { hostname, username, userId, groupId } = installation.host
  return await backUpFiles(
    {
      repository: locked.repository,
      paths: policy.paths,
      workingDirectory: '/',
      hostname,
      username,
      userId,
      groupId,
      tags,
      excludes: { patterns: policy.exclude, caches: policy.excludeCaches },
      excludePatterns: policy.exclude,
      oneFileSystem: policy.oneFileSystem,
      parent: parent === undefined ? 'none' : { id: parent.id },
      time,
      kind,
    },
    backupContext(installation, watch),
    locked.signal,
  )
}
