import { isFailure } from '../../base/failure.ts'
import { connectPostgresql } from './connection.ts'
import { readControlFile } from './control-file.ts'
import { type PagesVerified, verifyPages } from './verify-pages.ts'

const faultsTold = 20

/**
 * Verifies the checksum of every page of a private server, such as a sandbox that has just recovered, while `meanwhile` asks
 * it other things: a sentence for each fault, of the first ones, and then what that found. None where the cluster has no
 * checksums. What the server writes meanwhile may be read in part: where a fault is found all is read once more when nothing else
 * goes on. Failures: those of connectPostgresql() and of verifyPages().
 */
export async function verifyServerPages(
  { url, dataFolder }: { readonly url: string; readonly dataFolder: string },
  signal: AbortSignal,
  meanwhile: () => Promise<readonly string[]> = async () => [],
): Promise<string[]> {
  const { hasChecksums, blockBytes } = await readControlFile(dataFolder)
  if (!hasChecksums) return [...(await meanwhile())]
  await using sql = await connectPostgresql({ url }, { kind: 'sql' }, signal)
  // What recovery has changed is in the files then.
  const read = async (): Promise<PagesVerified> => {
    await sql.query('CHECKPOINT')
    return await verifyPages(dataFolder, blockBytes, signal)
  }
  const [beside, others] = await Promise.allSettled([read(), meanwhile()])
  // A file may also go while it is to be read.
  if (beside.status === 'rejected' && !isFailure(beside.reason, 'database_unreadable')) throw beside.reason
  const isSound = beside.status === 'fulfilled' && beside.value.faultCount === 0
  const faults = isSound ? [] : tell(await read())
  if (others.status === 'fulfilled') return [...faults, ...others.value]
  // The server could not go on where a page is broken: then the pages say why.
  if (faults.length === 0 || !isFailure(others.reason, 'database_unreadable')) throw others.reason
  return [...faults, others.reason.message]
}

function tell({ faults, faultCount }: PagesVerified): string[] {
  const told = faults.slice(0, faultsTold)
  const sentences = told.map(
    ({ path, block, found, expected }) => `block ${block} of file ${path} has checksum ${found}, expected ${expected}`,
  )
  const more = faultCount - told.length
  return more > 0 ? [...sentences, `and ${more} more blocks`] : sentences
}
