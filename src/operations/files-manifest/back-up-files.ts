import { decodeManifest, encodeManifest, manifestName } from '../../model/manifest-json.ts'
import type { FilesManifest } from '../../model/manifest.ts'
import { isFailure } from '../../base/failure.ts'
import type { BackupKind } from '../../model/backup.ts'
import type { Repository } from '../../repository/repository.ts'
import { readAttachment } from '../attachments.ts'
import {
  backUp,
  type BackupContext,
  type BackupReport,
  type BackupRequest,
  type SourceFacts,
} from '../back-up/back-up.ts'
import { TreeReader } from '../tree-reader.ts'
import { filesManifestOfTree } from './manifest-of-tree.ts'

export type FilesBackupRequest = Omit<BackupRequest, 'read' | 'rehash' | 'attach' | 'dryRun' | 'skipIfUnchanged'> & {
  /** A full reads every file and every pack that it relies on; the others trust unchanged metadata. */
  readonly kind: BackupKind
}

export type FilesBackupReport = BackupReport & {
  readonly manifest: FilesManifest
  /** Every entry is as in the parent. */
  readonly isUnchanged: boolean
}

/** backUp() of files with their manifest: what was stored, entry by entry, gaps left out. */
export async function backUpFiles(
  { kind, ...request }: FilesBackupRequest,
  context: BackupContext,
  signal: AbortSignal,
): Promise<FilesBackupReport> {
  const { repository } = request
  let made: { manifest: FilesManifest; isUnchanged: boolean } | undefined
  const attach = async (source: SourceFacts): Promise<{ name: string; content: Uint8Array }[]> => {
    const before = await manifestOfParent(repository, source, signal)
    const reader = new TreeReader(repository)
    const trees = { loadTree: reader.tree.bind(reader) }
    const manifest = before ?? (await filesManifestOfTree(source.nodes, trees, signal))
    made = { manifest, isUnchanged: source.isUnchanged }
    return [{ name: manifestName, content: encodeManifest(manifest) }]
  }
  const isFull = kind === 'full'
  const how = isFull ? ({ read: 'all', rehash: 'relied' } as const) : ({ read: 'changed' } as const)
  const report = await backUp({ ...request, ...how, attach }, context, signal)
  return { ...report, ...made! }
}

/** The parent's manifest, where its entries are the same and it can be read. */
async function manifestOfParent(
  repository: Repository,
  { parent, isUnchanged }: SourceFacts,
  signal: AbortSignal,
): Promise<FilesManifest | undefined> {
  if (!isUnchanged || parent === undefined) return undefined
  try {
    const content = await readAttachment(repository, parent, manifestName, signal)
    const manifest = content && decodeManifest(content)
    return manifest?.kind === 'files' ? manifest : undefined
  } catch (error) {
    // It is made anew then, and stored again.
    if (!isFailure(error, 'repository_damaged') && !isFailure(error, 'object_missing')) throw error
    return undefined
  }
}
