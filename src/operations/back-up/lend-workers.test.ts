import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { assertSound, reopened, storedEntries } from '../../../testing/back-up-folder.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import { RestingThreads } from '../../kernels/resting-threads.ts'
import type { Repository } from '../../repository/repository.ts'
import { excludeNothing } from '../../sources/files/exclude-rules.ts'
import { faultStorage, type StorageCall } from '../../storage/fault-storage.ts'
import { noProgress } from '../progress.ts'
import { backUp, type BackupReport } from './back-up.ts'
import { BackupWorkers } from './backup-workers.ts'

/** Longer than any test. */
const restMs = 3_600_000

async function backUpOn(threads: RestingThreads, repository: Repository, path: string): Promise<BackupReport> {
  const request = { repository, paths: [path], hostname: 'host', excludes: excludeNothing, workingDirectory: '/' }
  const context = { clock: systemClock, progress: noProgress, programVersion: 'test', threads }
  return await backUp({ ...request, parent: 'none', read: 'changed' }, context, neverStopped())
}

function refusePut({ verb }: StorageCall): void {
  if (verb === 'put') throw new Failure('storage_full', 'No room')
}

/** The workers that rest. */
async function resting(threads: RestingThreads): Promise<BackupWorkers> {
  const lent = threads.lend(BackupWorkers)
  lent.keep()
  await lent[Symbol.asyncDispose]()
  return lent.crew
}

test('backUp() works on threads that rested from the backup of another repository, and only on such that did well', async () => {
  await using folder = temporaryFolder('resting')
  await using threads = new RestingThreads(restMs)
  writeFileSync(folder.at('file'), 'first')
  const first = await freshRepository()
  await backUpOn(threads, first, folder.at('file'))
  const workers = await resting(threads)
  writeFileSync(folder.at('file'), 'second, of another length')
  const second = await freshRepository()
  const report = await backUpOn(threads, second, folder.at('file'))
  assert.equal(await resting(threads), workers)
  for (const repository of [first, second]) await assertSound(repository)
  const entries = await storedEntries(second, report.tree)
  assert.ok([...entries.values()].some(({ node }) => node.size === 25))

  const third = await freshRepository()
  const failing = await reopened(third, faultStorage(third.storage, { before: refusePut }))
  writeFileSync(folder.at('file'), 'third')
  await assert.rejects(backUpOn(threads, failing, folder.at('file')), (error) => isFailure(error, 'storage_full'))
  assert.notEqual(await resting(threads), workers)
})
