import { decodeManifest, manifestName } from '../../model/manifest-json.ts'
import type { Manifest } from '../../model/manifest.ts'
import { readAttachment } from '../../operations/attachments.ts'
import type { OpenedBackup } from './open-backup.ts'

/** The manifest of a backup; undefined where it has none. Failure `repository_damaged` where it can not be read. */
export async function readManifest({ repository, snapshot, signal }: OpenedBackup): Promise<Manifest | undefined> {
  const bytes = await readAttachment(repository, snapshot, manifestName, signal)
  return bytes && decodeManifest(bytes, `the manifest of backup "${snapshot.id.slice(0, 8)}"`)
}
