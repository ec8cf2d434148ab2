import { readdir } from 'node:fs/promises'
import { encodeName, printableName } from '../../base/byte-name.ts'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import type { FilesManifest } from '../../model/manifest.ts'
import { attachmentFolder, withoutAttachments } from '../../operations/attachments.ts'
import { filesManifestOfFolder } from '../../operations/files-manifest/manifest-of-folder.ts'
import { restore } from '../../operations/restore/restore.ts'
import { TreeReader } from '../../operations/tree-reader.ts'
import { readManifest } from './read-manifest.ts'
import type { RestoredContent, RestoreJob } from './restore-source.ts'

const differencesMax = 100

/**
 * Restores a tree of files into the target, under the full paths that it was backed up from, then reads all of it back
 * from the disk and compares that with the manifest. A target that held other things before is compared for what the
 * backup has; in an empty one nothing else may be there.
 */
export async function restoreFiles(job: RestoreJob): Promise<RestoredContent> {
  const { installation, opened, order, watch } = job
  const { repository, snapshot, signal } = opened
  const surplus = (await isEmpty(order.target)) ? 'told' : 'ignored'
  const report = await restore(
    {
      repository,
      tree: snapshot.tree,
      target: order.target,
      selection: { include: [], exclude: [`/${attachmentFolder}`] },
      overwrite: 'always',
      sparse: true,
      dryRun: false,
      verify: false, // All is read back below, by other code.
    },
    { clock: installation.clock, progress: watch.progress },
    signal,
  )
  const problems = report.problems.map(({ path, detail }) => `${printableName(path)}: ${detail}`)
  const { files, bytes } = report
  const expected = await readManifest(opened)
  if (expected !== undefined && expected.kind !== 'files') {
    throw new Failure(
      'repository_damaged',
      `Cannot compare with the manifest of "${snapshot.id}": it is of ${expected.kind}`,
    )
  }
  const verifyBeginMs = installation.clock.monotonicMs()
  const compared = await compareFiles(job, expected, surplus)
  const verifyMs = installation.clock.monotonicMs() - verifyBeginMs
  const differences = [...problems, ...compared.differences]
  if (differences.length > 0) {
    return { files, bytes, outcome: 'different', differences: differences.slice(0, differencesMax), verifyMs }
  }
  return { files, bytes, outcome: expected === undefined ? 'not compared' : 'equal', differences: [], verifyMs }
}

/** In what the files below a target differ from those of a backup, a sentence each. Shares no code with the restore. */
export async function compareFiles(
  { opened, order }: Pick<RestoreJob, 'opened'> & { readonly order: Pick<RestoreJob['order'], 'target'> },
  expected: FilesManifest | undefined,
  surplus: 'told' | 'ignored',
): Promise<{ readonly differences: readonly string[] }> {
  const { repository, snapshot, signal } = opened
  const reader = new TreeReader(repository)
  const trees = { loadTree: reader.tree.bind(reader) }
  const root = withoutAttachments(snapshot.tree, await repository.loadTree(snapshot.tree, signal))
  const proof = await filesManifestOfFolder(
    { folder: order.target, nodes: root.tree.nodes, trees, surplus, index: repository.index },
    signal,
  )
  const differences = proof.differences.map(({ path, detail }) => `${printableName(path)}: ${detail}`)
  const isEqual = expected === undefined || proof.manifest.digest === expected.digest
  // Equal to the stored trees and not to the manifest: then those trees are not what was backed up.
  if (!isEqual && differences.length === 0) {
    const sizes = `${proof.manifest.files} files of ${proof.manifest.bytes} bytes, expected ${expected.files} of ${expected.bytes}`
    differences.push(`the digest of all is ${proof.manifest.digest}, expected ${expected.digest} (${sizes})`)
  }
  return { differences }
}

/** Whether there is nothing in a folder, or no folder. */
async function isEmpty(path: string): Promise<boolean> {
  try {
    return (await readdir(encodeName(path))).length === 0
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return true
    throw error
  }
}
