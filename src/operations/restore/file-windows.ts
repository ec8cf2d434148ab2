import type { WantedFile } from './located-file.ts'

/** Files are restored in windows: their packs are read in order, and what is known of them is held in memory. */
const windowFilesMax = 4096
const windowBytesMax = 256 * 1024 * 1024

/** Files in lots that are planned and held in memory together. A larger file is in the last place of its window. */
export async function* fileWindows(
  files: Iterable<WantedFile> | AsyncIterable<WantedFile>,
): AsyncGenerator<readonly WantedFile[], void, undefined> {
  let window: WantedFile[] = []
  let bytes = 0
  for await (const file of files) {
    window.push(file)
    bytes += file.node.size ?? 0
    if (window.length < windowFilesMax && bytes < windowBytesMax) continue
    yield window
    window = []
    bytes = 0
  }
  if (window.length > 0) yield window
}
