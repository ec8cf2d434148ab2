import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import { keepTablespacesInside } from './tablespace-record.ts'
import { isSegmentBytes, parseWalName } from './wal-name.ts'

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
  for (const name of names) {
    if (parseWalName(name)?.kind === 'segment') await changeSegment(join(folder, name))
  }
}

async function changeSegment(path: string): Promise<void> {
  try {
    await using file = await open(path, 'r+')
    const { size } = await file.stat()
    if (!isSegmentBytes(size)) return // It is none.
    const content = Buffer.alloc(size)
    await file.read(content, 0, size, 0)
    if (keepTablespacesInside(content)) await file.write(content, 0, size, 0)
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    throw new Failure('target_failed', `Cannot change WAL "${path}"`, { cause })
  }
}
