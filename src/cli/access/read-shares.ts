import { resolve } from 'node:path'
import type { CommandContext } from '../command-entry.ts'
import { readTextFile } from './read-text-file.ts'

/** The texts of share files. Failure `usage` where one can not be read. */
export async function readShares(
  { world, signal }: Pick<CommandContext, 'world' | 'signal'>,
  files: readonly string[],
): Promise<string[]> {
  return await Promise.all(
    files.map((file) => readTextFile(resolve(world.workingDirectory, file), 'share of the recovery kit', signal)),
  )
}
