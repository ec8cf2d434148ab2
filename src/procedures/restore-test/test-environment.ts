import { closeSync, lstatSync, openSync, readdirSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type ByteName, decodeName, encodeName, printableName } from '../../base/byte-name.ts'
import { isFailure } from '../../base/failure.ts'
import type { Manifest } from '../../model/manifest.ts'
import { compareSqliteManifests } from '../../sources/sqlite/compare-manifests.ts'
import { damageCopy } from '../../sources/sqlite/damage-copy.ts'
import { SqliteWorkers } from '../../sources/sqlite/sqlite-workers.ts'
import type { Installation } from '../installation.ts'
import { askFile, failedFileAssertions } from '../questions/ask-file.ts'
import type { AskDatabase } from '../questions/question-fault.ts'
import type { OpenedBackup } from '../restore/open-backup.ts'
import { openServerEnvironment } from './server-environment.ts'
import { compareFiles } from '../restore/restore-files.ts'

/** A restored copy in a folder of its own, which is to be compared with the manifest of its backup. */
export interface RestoredCopy {
  readonly installation: Installation
  readonly opened: OpenedBackup
  readonly source: string
  readonly folder: string
  readonly expected: Manifest
}

/** Where a restored copy is compared and damaged: a folder, or a private server on it. */
export interface TestEnvironment extends AsyncDisposable {
  /**
   * In what the copy differs from its manifest, a sentence each. `damaged`: by the same comparison, but only of what damage()
   * damaged, where that is less than all.
   */
  compare(what: 'all' | 'damaged'): Promise<readonly string[]>
  /** Damages the copy a little; says how. Twice may be as none. */
  damage(): Promise<string>
  /** Where it is a database: asks it, once it was compared. */
  readonly ask?: AskDatabase
}

/** Opens the test environment of a copy of any kind. */
export async function openTestEnvironment(copy: RestoredCopy): Promise<TestEnvironment> {
  const { expected } = copy
  switch (expected.kind) {
    case 'files':
      return {
        compare: async () => {
          const order = { target: copy.folder }
          return (await compareFiles({ opened: copy.opened, order }, expected, 'told')).differences
        },
        damage: async () => damageTree(copy.folder),
        [Symbol.asyncDispose]: async () => {},
      }
    case 'sqlite': {
      const path = databaseIn(copy)
      return {
        compare: async () => await compareDatabase(copy, { path, expected }),
        damage: async () => damageCopy(path, expected.tables),
        ask: askFile(path),
        [Symbol.asyncDispose]: async () => {},
      }
    }
    case 'postgresql':
      return await openServerEnvironment(copy, expected)
    default:
      return expected satisfies never
  }
}

type SqliteExpected = Extract<Manifest, { kind: 'sqlite' }>

async function compareDatabase(
  { installation: { policy, threads }, opened: { signal }, source }: RestoredCopy,
  { path, expected }: { readonly path: string; readonly expected: SqliteExpected },
): Promise<readonly string[]> {
  await using lent = threads.lend(SqliteWorkers)
  try {
    const found = await lent.crew.examine(path, path, signal)
    lent.keep()
    const differences = compareSqliteManifests(expected, found)
    return [...differences, ...(await failedFileAssertions(policy, { source, path }, signal))]
  } catch (error) {
    if (!isFailure(error, 'database_unreadable')) throw error
    return [error.message]
  }
}

function databaseIn({ opened, folder }: RestoredCopy): string {
  return join(folder, opened.snapshot.paths[0]!.split('/').at(-1)!)
}

/** Turns one bit in the first file with content; where there is none, adds a file. */
function damageTree(folder: string): string {
  const path = firstFile(folder)
  if (path === undefined) {
    writeFileSync(join(folder, 'zakops-negative-control'), '')
    return 'a file was added'
  }
  const fd = openSync(encodeName(path), 'r+')
  try {
    const byte = Buffer.alloc(1)
    readSync(fd, byte, 0, 1, 0)
    byte[0]! ^= 1
    writeSync(fd, byte, 0, 1, 0)
  } finally {
    closeSync(fd)
  }
  return `a bit of "${printableName(path.slice(folder.length))}" was turned`
}

function firstFile(folder: ByteName): ByteName | undefined {
  for (const name of readdirSync(encodeName(folder), { encoding: 'buffer' })) {
    const path = `${folder}/${decodeName(name)}`
    const stat = lstatSync(encodeName(path))
    const found = stat.isDirectory() ? firstFile(path) : stat.isFile() && stat.size > 0 ? path : undefined
    if (found !== undefined) return found
  }
  return undefined
}
