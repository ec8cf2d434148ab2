import { Failure } from '../../base/failure.ts'
import { decodeManifest, manifestName } from '../../model/manifest-json.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { readAttachment } from '../../operations/attachments.ts'
import type { BackupReport } from '../../operations/back-up/back-up.ts'
import type { LockedRepository } from '../../operations/locations/locations.ts'

/**
 * Reads a new backup back from the storage: its snapshot, its root and its manifest. A backup whose own description can not be
 * read is none. Failure `not_proven`.
 */
export async function readBack({ repository, signal }: LockedRepository, report: BackupReport): Promise<Snapshot> {
  const { snapshotId } = report
  if (snapshotId === undefined) throw new Failure('defect', 'A backup ended without a snapshot')
  const snapshot = await repository.loadSnapshot(snapshotId, signal)
  if (snapshot.tree !== report.tree)
    throw unproven(snapshotId, `its tree is "${snapshot.tree}", expected "${report.tree}"`)
  const bytes = await readAttachment(repository, snapshot, manifestName, signal)
  if (bytes === undefined) throw unproven(snapshotId, 'it has no manifest')
  decodeManifest(bytes, `the manifest of backup "${snapshotId.slice(0, 8)}"`)
  return snapshot
}

function unproven(id: string, found: string): Failure {
  return new Failure('not_proven', `Cannot rely on backup "${id.slice(0, 8)}" that was just taken: ${found}`)
}
