import { cp, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'

/** Which tablespace, by its number, goes to which folder. */
export type TablespaceMap = ReadonlyMap<string, string>

/**
 * Moves tablespaces out of a restored data folder, where they lie in pg_tblspc/<oid>, to folders of their own, and leaves
 * links in their places. Failure `usage` where there is no such tablespace, `target_unsafe` where a folder is not empty.
 */
export async function placeTablespaces(dataFolder: string, map: TablespaceMap): Promise<void> {
  for (const [oid, folder] of map) {
    const inside = join(dataFolder, 'pg_tblspc', oid)
    if (!/^\d+$/.test(oid) || !isAbsolute(folder)) {
      throw new Failure(
        'usage',
        `Cannot map tablespace "${oid}" to "${folder}": expected its number and an absolute path`,
      )
    }
    await requireEmpty(folder)
    try {
      await moveFolder(inside, folder)
    } catch (cause) {
      if (errorCode(cause) !== 'ENOENT')
        throw new Failure('target_failed', `Cannot move tablespace ${oid} to "${folder}"`, { cause })
      const there = (await readdir(join(dataFolder, 'pg_tblspc'))).join(', ')
      throw new Failure('usage', `Cannot map tablespace ${oid}: the snapshot has ${there === '' ? 'none' : there}`, {
        cause,
      })
    }
    await symlink(folder, inside)
  }
}

async function moveFolder(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true }) // It is empty.
  try {
    await rename(from, to)
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') throw error
    await cp(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
    await rm(from, { recursive: true })
  }
}

async function requireEmpty(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const [name] = await readdir(folder)
  if (name === undefined) return
  throw new Failure(
    'target_unsafe',
    `Cannot put a tablespace into "${folder}": it holds "${name}", expected an empty folder`,
  )
}
