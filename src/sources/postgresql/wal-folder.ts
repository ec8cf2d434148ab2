import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import { keepTablespacesInside } from './tablespace-record.ts'
import { isSegmentBytes, parseWalName, segmentNumber, segmentStart } from './wal-name.ts'
import { readSegmentHeader } from './wal-segment-header.ts'

/**
 * Has the log in a restored data folder make its tablespaces inside of it: see keepTablespacesInside(). A snapshot's own
 * log has some where one was made while the backup ran. To be run before a server starts there; may be run twice.
 */
export async function keepTablespacesOfFolder(dataFolder: string): Promise<void> {
  const folder = join(dataFolder, 'pg_wal')
  const names = await readdir(folder).catch((cause: unknown) => {
    if (errorCode(cause) === 'ENOENT') return [] // The server says what it thinks of that.
    throw new Failure('database_unreadable', `Cannot look into "${folder}"`, { cause })
  })
  const segments = names.filter((name) => parseWalName(name)?.kind === 'segment').toSorted()
  // Each as it was before it was changed: a record that reaches over its end is known by both.
  let before: Buffer | undefined
  let [content, ...others] = [...segments, undefined]
  let bytes = content === undefined ? undefined : await readSegment(folder, content)
  for (const next of others) {
    const after = next === undefined ? undefined : await readSegment(folder, next)
    if (bytes !== undefined) {
      const changed = Buffer.from(bytes)
      if (keepTablespacesInside(changed, { before, after })) await writeSegment(join(folder, content!), changed)
    }
    ;[before, content, bytes] = [bytes, next, after]
  }
}

/** Undefined where it is not what its name says: servers keep old ones under names of those to come, to write over them. */
async function readSegment(folder: string, name: string): Promise<Buffer | undefined> {
  const path = join(folder, name)
  try {
    const content = await readFile(path)
    const [header, wal] = [readSegmentHeader(content), parseWalName(name)]
    if (!isSegmentBytes(content.length) || header === undefined || wal?.kind !== 'segment') return undefined
    const start = segmentStart(segmentNumber(wal, content.length), content.length)
    return header.start === start ? content : undefined
  } catch (cause) {
    throw new Failure('target_failed', `Cannot read WAL "${path}"`, { cause })
  }
}

async function writeSegment(path: string, content: Buffer): Promise<void> {
  try {
    await using file = await open(path, 'r+')
    await file.write(content, 0, content.length, 0)
  } catch (cause) {
    throw new Failure('target_failed', `Cannot change WAL "${path}"`, { cause })
  }
}
