import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { throwIfStopped } from '../../base/abort.ts'
import { Failure } from '../../base/failure.ts'
import { pageChecksum, storedChecksum } from './page-checksum.ts'

/** A page whose bytes are not those that its checksum was made of. */
export interface PageFault {
  /** Below the data folder. */
  readonly path: string
  /** In the relation: over all of its files. */
  readonly block: number
  readonly found: number
  readonly expected: number
}

export interface PagesVerified {
  readonly files: number
  readonly pages: number
  /** At most `faultsMax` of them; `faultCount` tells how many there are. */
  readonly faults: readonly PageFault[]
  readonly faultCount: number
}

const faultsMax = 1000
const readBytes = 1024 * 1024
const fileBytesMax = 2 ** 30
const relationPattern = /^(?:\d+)(?:_(?:fsm|vm|init))?(?:\.(\d+))?$/

/**
 * Verifies the checksum of every page of a cluster that no server has open, and that was shut down or recovered: pages
 * of a raw copy may be torn, until its WAL was replayed. A page that was never written has none. Failure
 * `database_unreadable` where a file can not be read. The cluster must have checksums (readControlFile()).
 */
export async function verifyPages(dataFolder: string, blockBytes: number, signal: AbortSignal): Promise<PagesVerified> {
  const faults: PageFault[] = []
  let [files, pages, faultCount] = [0, 0, 0]
  for await (const path of relationFiles(dataFolder)) {
    files += 1
    await eachPage(join(dataFolder, path), blockBytes, signal, (page, words, index) => {
      const expectedOf = storedChecksum(page)
      if (expectedOf === undefined) return
      pages += 1
      const block = firstBlock(path, blockBytes) + index
      const found = pageChecksum(page, words, block)
      if (found === expectedOf) return
      faultCount += 1
      if (faults.length < faultsMax) faults.push({ path, block, found, expected: expectedOf })
    })
  }
  return { files, pages, faults, faultCount }
}

function firstBlock(path: string, blockBytes: number): number {
  const part = Number(relationPattern.exec(path.slice(path.lastIndexOf('/') + 1))?.[1] ?? 0)
  return part * (fileBytesMax / blockBytes)
}

/** Files of pages: global/N, base/N/N, pg_tblspc/N/PG_…/N/N. */
async function* relationFiles(dataFolder: string): AsyncGenerator<string, void, undefined> {
  const folders = ['global', ...(await below(dataFolder, 'base'))]
  for (const space of await below(dataFolder, 'pg_tblspc')) {
    for (const version of await below(dataFolder, space)) folders.push(...(await below(dataFolder, version)))
  }
  for (const folder of folders) {
    for (const path of await below(dataFolder, folder)) {
      if (relationPattern.test(path.slice(folder.length + 1))) yield path
    }
  }
}

async function below(dataFolder: string, folder: string): Promise<string[]> {
  const names = await readdir(join(dataFolder, folder)).catch((cause: unknown) => {
    throw new Failure('database_unreadable', `Cannot read folder "${folder}" of "${dataFolder}"`, { cause })
  })
  return names
    .filter((name) => name !== 'pgsql_tmp')
    .toSorted()
    .map((name) => `${folder}/${name}`)
}

async function eachPage(
  path: string,
  blockBytes: number,
  signal: AbortSignal,
  visit: (page: Buffer, words: Uint32Array, index: number) => void,
): Promise<void> {
  try {
    await using file = await open(path, 'r')
    const buffer = Buffer.allocUnsafeSlow(readBytes - (readBytes % blockBytes))
    for (let at = 0; ; ) {
      throwIfStopped(signal)
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at)
      const whole = bytesRead - (bytesRead % blockBytes)
      for (let from = 0; from < whole; from += blockBytes) {
        const words = new Uint32Array(buffer.buffer, buffer.byteOffset + from, blockBytes / 4)
        visit(buffer.subarray(from, from + blockBytes), words, (at + from) / blockBytes)
      }
      at += whole
      // A rest shorter than a page is what a crash leaves; the server ignores it too.
      if (bytesRead < buffer.length) return
    }
  } catch (error) {
    throwIfStopped(signal)
    throw new Failure('database_unreadable', `Cannot read "${path}"`, { cause: error })
  }
}
