import { connectPostgresql } from './connection.ts'
import { readControlFile } from './control-file.ts'
import { verifyPages } from './verify-pages.ts'

const faultsTold = 20

/**
 * Verifies the checksum of every page of a server in which nobody works, such as a sandbox that has just recovered: a sentence
 * for each fault, of the first ones. None where the cluster has no checksums. Failures: those of connectPostgresql() and of
 * verifyPages().
 */
export async function verifyIdleServer(url: string, dataFolder: string, signal: AbortSignal): Promise<string[]> {
  const { hasChecksums, blockBytes } = await readControlFile(dataFolder)
  if (!hasChecksums) return []
  await using sql = await connectPostgresql({ url }, { kind: 'sql' }, signal)
  await sql.query('CHECKPOINT') // What recovery has changed is in the files then.
  const { faults, faultCount } = await verifyPages(dataFolder, blockBytes, signal)
  const told = faults.slice(0, faultsTold)
  const sentences = told.map(
    ({ path, block, found, expected }) => `block ${block} of file ${path} has checksum ${found}, expected ${expected}`,
  )
  const more = faultCount - told.length
  return more > 0 ? [...sentences, `and ${more} more blocks`] : sentences
}
