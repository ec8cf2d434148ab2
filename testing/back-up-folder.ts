import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { neverStopped } from '../src/base/abort.ts'
import type { ByteName } from '../src/base/byte-name.ts'
import { systemClock } from '../src/base/clock.ts'
import type { Id } from '../src/model/id.ts'
import type { Node } from '../src/model/node.ts'
import type { SnapshotSummary } from '../src/model/snapshot.ts'
import { backUp, type BackupContext, type BackupReport, type BackupRequest } from '../src/operations/back-up/back-up.ts'
import { check } from '../src/operations/check/check.ts'
import { noProgress } from '../src/operations/progress.ts'
import { Repository } from '../src/repository/repository.ts'
import { excludeNothing } from '../src/sources/files/exclude-rules.ts'
import type { Storage } from '../src/storage/storage.ts'

export type BackupChanges = Partial<Omit<BackupRequest, 'repository' | 'paths'>>

/** Backs paths up with the plainest request there is, and what of it is to be otherwise. */
export async function backUpPaths(
  repository: Repository,
  paths: readonly ByteName[],
  changes: BackupChanges = {},
  context: Partial<BackupContext> = {},
  signal: AbortSignal = neverStopped(),
): Promise<BackupReport> {
  return await backUp(
    {
      repository,
      paths,
      workingDirectory: '/',
      hostname: 'host',
      excludes: excludeNothing,
      parent: 'latest',
      read: 'changed',
      workers: 1,
      ...changes,
    },
    { clock: systemClock, progress: noProgress, programVersion: 'test', ...context },
    signal,
  )
}

/** The same repository on another storage, as another process would open it: with the index that is stored. */
export async function reopened(repository: Repository, storage: Storage = repository.storage): Promise<Repository> {
  const { config, key, keyId, random } = repository
  const other = new Repository({ storage, config, key, keyId, random })
  await other.loadIndex(neverStopped())
  return other
}

/** An entry of a snapshot, with what restoring it would give. */
export interface StoredEntry {
  readonly node: Node
  /** SHA-256 of a file's content. */
  readonly content: string | undefined
}

/** Every entry of a tree by its path ("a/b"), every blob of every file opened. */
export async function storedEntries(repository: Repository, tree: Id): Promise<Map<ByteName, StoredEntry>> {
  const entries = new Map<ByteName, StoredEntry>()
  const visit = async (id: Id, prefix: string): Promise<void> => {
    for (const node of (await repository.loadTree(id, neverStopped())).nodes) {
      const path = `${prefix}${node.name}`
      assert.ok(!entries.has(path), `${path} is there twice`)
      entries.set(path, { node, content: node.type === 'file' ? await contentHash(repository, node) : undefined })
      if (node.subtree !== undefined) await visit(node.subtree, `${path}/`)
    }
  }
  await visit(tree, '')
  return entries
}

async function contentHash(repository: Repository, node: Node): Promise<string> {
  const blobs: Uint8Array[] = []
  for (const id of node.content ?? []) blobs.push(await repository.loadBlob(id, 'data', neverStopped()))
  const bytes = Buffer.concat(blobs)
  assert.equal(node.size ?? 0, bytes.length, `size of ${node.name}`)
  return hash('sha256', bytes)
}

/** Fails unless the repository, as another process would open it, passes a check that reads every byte. */
export async function assertSound(repository: Repository, options: { readonly hints?: 'allowed' } = {}): Promise<void> {
  const other = await reopened(repository)
  const report = await check(
    { repository: other, read: 'all', workers: 1 },
    { progress: noProgress, random: (count) => randomBytes(count) },
    neverStopped(),
  )
  assert.deepEqual(report.faults, [])
  if (options.hints !== 'allowed') assert.deepEqual(report.hints, [])
}

/** The counts of a summary, without times and bytes. */
export function itemCounts(summary: SnapshotSummary): { readonly files: number[]; readonly dirs: number[] } {
  return {
    files: [summary.files_new, summary.files_changed, summary.files_unmodified],
    dirs: [summary.dirs_new, summary.dirs_changed, summary.dirs_unmodified],
  }
}
