import type { ByteName } from '../../base/byte-name.ts'
import { inLanes } from '../../base/in-lanes.ts'
import { fileWindows } from './file-windows.ts'
import type { WantedFile } from './located-file.ts'
import type { RestoreCounts } from './restore-counts.ts'
import type { FileRestorer } from './restore-files.ts'
import { fileGroups } from './span-slots.ts'

export interface ReadBackOptions {
  readonly files: FileRestorer
  readonly counts: RestoreCounts
  readonly digests: ReadonlyMap<ByteName, string | undefined>
  /** Restores by the SHA-256 of each blob, with counts of its own; undefined where that was done. */
  readonly careful: { readonly files: FileRestorer; readonly counts: RestoreCounts } | undefined
}

/**
 * Reads restored files back and tells those that are not as they should be. A seal alone tells no blob from another one of its
 * length that lies in its place: where no more was verified, such files are first written anew, each blob by its SHA-256, and
 * looked for elsewhere. Answers whether any were.
 */
export async function readBack(
  restored: AsyncIterable<WantedFile>,
  { files, counts, digests, careful }: ReadBackOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const told = new Set(counts.problems.map(({ path }) => path))
  const suspects: WantedFile[] = []
  const isSuspect = (file: WantedFile): boolean => {
    if (careful === undefined || told.has(file.path)) return false
    suspects.push({ ...file, isNew: true }) // Nothing of it is kept.
    return true
  }
  await inLanes(fileWindows(restored), fileGroups, signal, async (window) => files.verify(window, digests, isSuspect))
  if (careful === undefined || suspects.length === 0) return false
  await inLanes(fileWindows(suspects), fileGroups, signal, async (window, group) =>
    careful.files.restore(window, group),
  )
  counts.again(careful.counts)
  for (const { path } of careful.counts.problems) told.add(path)
  const rewritten = suspects.filter(({ path }) => !told.has(path))
  await inLanes(fileWindows(rewritten), fileGroups, signal, async (window) => files.verify(window, digests))
  return true
}
