import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
  openSync,
  closeSync,
} from 'node:fs'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { Gap } from '../../sources/files/gap.ts'
import { failOnce, faultStorage, type StorageCall } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import type { Storage } from '../../storage/storage.ts'
import type { BackupReport } from './back-up.ts'
import {
  assertSound,
  type BackupChanges,
  backUpPaths,
  itemCounts,
  reopened,
  storedEntries,
} from '../../../testing/back-up-folder.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'

const signal = neverStopped()
const random = seededRandom('back up, faults')
const megabyte = 1024 * 1024

function isPut(objectName: string): (call: StorageCall) => boolean {
  return (call) => call.verb === 'put' && call.objectName.startsWith(objectName)
}

/** Directories and files enough for several packs of data, two indexes' worth of calls, and a tree pack. */
function manyFiles(folder: TemporaryFolder, files = 24, bytes = 300_000): void {
  for (let at = 0; at < files; at++) {
    mkdirSync(folder.at('root', `d${at % 4}`), { recursive: true })
    writeFileSync(folder.at('root', `d${at % 4}`, `f${at}`), random.bytes(bytes))
  }
}

const small: BackupChanges = { packBytes: megabyte, workers: 2 }

/** Everything in the snapshot is as it is on disk. */
async function assertStored(storage: Storage, report: BackupReport, folder: TemporaryFolder): Promise<void> {
  const repository = await reopened(report.repository, storage)
  const entries = await storedEntries(repository, report.tree)
  const files = readdirSync(folder.at('root'), { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
  assert.equal([...entries.values()].filter(({ node }) => node.type === 'file').length, files.length)
  for (const { parentPath, name } of files) {
    const path = `${parentPath}/${name}`
    const entry = entries.get(path.slice(folder.path.length + 1))
    assert.equal(entry?.content, hash('sha256', readFileSync(path)), path)
  }
}
