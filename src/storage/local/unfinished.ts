import { stat, unlink } from 'node:fs/promises'

/** An unfinished file older than this belongs to no living writer: one object is minutes of work at the most. */
export const staleAfterMs = 24 * 60 * 60 * 1000

const pattern = /^\..+\.[0-9]+\.unfinished$/

/** The name of a file that is being written; never one of an object, since it begins with a dot. */
export function unfinishedName(fileName: string, attempt: number): string {
  return `.${fileName}.${attempt}.unfinished`
}

/** Says whether a file of this name was being written by this program. */
export function isUnfinished(fileName: string): boolean {
  return pattern.test(fileName)
}

/**
 * Removes an unfinished file that was last written more than staleAfterMs before `nowMs`, a time of the same file
 * system's clock. A writer that slept for longer finds its file gone at its commit and fails whole.
 */
export async function removeStale(path: string, nowMs: number): Promise<void> {
  try {
    const { mtimeMs } = await stat(path)
    if (nowMs - mtimeMs > staleAfterMs) await unlink(path)
  } catch {
    // It is no object, so that whatever keeps it here harms nobody; the next listing tries again.
  }
}
