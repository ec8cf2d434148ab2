import { isFailure } from '../../base/failure.ts'
import { decodeManifest, encodeCanonical, manifestName } from '../../model/manifest-json.ts'
import type { SqliteManifest } from '../../model/manifest.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Repository } from '../../repository/repository.ts'
import type { DatabaseIdentity } from '../../sources/sqlite/database-identity.ts'
import { type Attachment, readAttachment } from '../attachments.ts'

/** The attachment by which the next backup sees whether anything changed. */
const sourceName = 'source.json'

/** What a backup of a database leaves for the next one. */
export interface SqliteSourceFacts {
  readonly version: 1
  readonly kind: 'sqlite'
  readonly path: string
  readonly chunkBytes: number
  /** Null where it was written to so shortly before that it can not be recognised. */
  readonly identity: DatabaseIdentity | null
}

export function sourceAttachment(facts: SqliteSourceFacts): Attachment {
  return { name: sourceName, content: encodeCanonical(facts) }
}

/** What the backup before left; undefined where it left nothing that can be used. Then the database is copied. */
export async function factsOfParent(
  repository: Repository,
  parent: Snapshot,
  signal: AbortSignal,
): Promise<{ readonly source: SqliteSourceFacts; readonly manifest: SqliteManifest } | undefined> {
  try {
    const source = await readAttachment(repository, parent, sourceName, signal)
    const manifest = await readAttachment(repository, parent, manifestName, signal)
    if (source === undefined || manifest === undefined) return undefined
    const facts = JSON.parse(Buffer.from(source).toString('utf8')) as Partial<SqliteSourceFacts>
    const decoded = decodeManifest(manifest)
    if (facts.version !== 1 || facts.kind !== 'sqlite' || decoded.kind !== 'sqlite') return undefined
    // It was sealed with the repository's own key: what it says beyond that was written by this program.
    return { source: facts as SqliteSourceFacts, manifest: decoded }
  } catch (error) {
    const isUnusable =
      error instanceof SyntaxError ||
      isFailure(error, 'repository_damaged') ||
      isFailure(error, 'object_missing') ||
      isFailure(error, 'repository_unsupported')
    if (!isUnusable) throw error
    return undefined
  }
}
