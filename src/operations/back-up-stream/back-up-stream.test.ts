import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { Chunking, EntryMetadata, EntrySink } from '../../sources/entry-sink.ts'
import { faultStorage } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import { assertSound, itemCounts, reopened, storedEntries } from '../../../testing/back-up-folder.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import type { Repository } from '../../repository/repository.ts'
import type { BackupReport } from '../back-up/backup-request.ts'
import { noProgress } from '../progress.ts'
import { backUpStream, type StreamRequest } from './back-up-stream.ts'

const metadata: EntryMetadata = { mode: 0o600, uid: 101, gid: 104, user: 'postgres', mtime: 1_700_000_000 }
const context = { clock: systemClock, progress: noProgress, programVersion: 'test' }
const byContent: Chunking = { kind: 'content' }

async function run(
  repository: Repository,
  feed: (sink: EntrySink, signal: AbortSignal) => Promise<void>,
  changes: Partial<StreamRequest> = {},
  signal = neverStopped(),
): Promise<BackupReport> {
  const request = { repository, paths: ['/stream'], hostname: 'host', parent: undefined, workers: 2, ...changes }
  return await backUpStream(request, context, feed, signal)
}

async function put(sink: EntrySink, path: string, chunking: Chunking, pieces: Iterable<Uint8Array>): Promise<void> {
  const file = sink.file(path, metadata, chunking)
  for (const piece of pieces) await file.write(piece)
  await file.end()
}

function* inSteps(bytes: Uint8Array, step: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
}

test('backUpStream() stores files of any size, given in pieces of any size, cut either way', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          bytes: fc.oneof(fc.nat(3), fc.nat(200_000), fc.nat(12_000_000)),
          step: fc.integer({ min: 1000, max: 3_000_000 }),
          chunking: fc.constantFrom<Chunking>(
            byContent,
            { kind: 'fixed', bytes: 8192 },
            { kind: 'fixed', bytes: 65536 },
          ),
        }),
        { maxLength: 12 },
      ),
      async (files) => {
        const repository = await freshRepository()
        const contents = files.map(({ bytes }, at) => seededRandom(`${at}`).bytes(bytes))
        const report = await run(repository, async (sink) => {
          for (const [at, { step, chunking }] of files.entries()) {
            await put(sink, `stream/${at % 3}/file${at}`, chunking, inSteps(contents[at]!, step))
          }
        })
        const entries = await storedEntries(await reopened(repository), report.tree)
        for (const [at, { chunking }] of files.entries()) {
          const { node, content } = entries.get(`stream/${at % 3}/file${at}`)!
          assert.equal(content, hash('sha256', contents[at]!))
          if (chunking.kind === 'fixed')
            assert.equal(node.content?.length, Math.ceil(contents[at]!.length / chunking.bytes))
        }
      },
    ),
    { numRuns: 6 },
  )
})

test('backUpStream() keeps metadata and links, makes directories that nobody told of, and counts by the parent', async () => {
  const repository = await freshRepository()
  const feed = async (sink: EntrySink): Promise<void> => {
    await put(sink, 'stream/a/same', byContent, [Buffer.from('same')])
    await put(sink, 'stream/b/other', byContent, [
      Buffer.from(`other ${(await repository.listSnapshots(neverStopped())).length}`),
    ])
    sink.directory('stream/b', { ...metadata, mode: 0o750 })
    sink.symlink('stream/link', metadata, '../elsewhere')
  }
  const first = await run(repository, feed)
  assert.deepEqual(itemCounts(first.summary), { files: [3, 0, 0], dirs: [3, 0, 0] })
  const parent = (await repository.listSnapshots(neverStopped()))[0]!
  const second = await run(repository, feed, { parent })
  assert.deepEqual(itemCounts(second.summary), { files: [0, 1, 2], dirs: [0, 2, 1] })
  assert.equal(second.parentId, first.snapshotId)
  const entries = await storedEntries(repository, second.tree)
  assert.deepEqual(
    [...entries.keys()],
    ['stream', 'stream/a', 'stream/a/same', 'stream/b', 'stream/b/other', 'stream/link'],
  )
  assert.equal(entries.get('stream/link')!.node.linktarget, '../elsewhere')
  const { mode, uid, gid, user, mtime } = entries.get('stream/b/other')!.node
  assert.deepEqual(
    { mode, uid, gid, user, mtime },
    { mode: 0o600, uid: 101, gid: 104, user: 'postgres', mtime: '2023-11-14T22:13:20Z' },
  )
  assert.equal(entries.get('stream/b')!.node.mode! & 0o777, 0o750)
  await assertSound(repository)
})

test('backUpStream() goes on behind chunks that are kept', async () => {
  const repository = await freshRepository()
  const bytes = seededRandom('kept').bytes(50_000)
  const chunking: Chunking = { kind: 'fixed', bytes: 8192 }
  const first = await run(repository, (sink) => put(sink, 'file', chunking, [bytes]))
  const ids = (await storedEntries(repository, first.tree)).get('file')!.node.content!
  const second = await run(repository, async (sink) => {
    const file = sink.file('file', metadata, chunking)
    await file.write(bytes.subarray(0, 100))
    await file.keep([
      { id: ids[0]!, bytes: 8192 },
      { id: ids[1]!, bytes: 8192 },
    ])
    await file.write(bytes.subarray(0, 9000))
    await file.end()
  })
  const { node, content } = (await storedEntries(repository, second.tree)).get('file')!
  const parts = [bytes.subarray(0, 100), bytes.subarray(0, 16384), bytes.subarray(0, 9000)]
  assert.equal(content, hash('sha256', Buffer.concat(parts)))
  assert.equal(node.content?.length, 5)
})

test('backUpStream() leaves no snapshot where its source or its storage fails, and the next one succeeds', async () => {
  const storage = memoryStorage()
  const broken = faultStorage(storage, {
    before: ({ verb, objectName }) => {
      if (verb === 'put' && objectName.startsWith('data/')) throw new Failure('storage_full', 'No room')
    },
  })
  const repository = await freshRepository({ storage })
  const big = seededRandom('big').bytes(20_000_000)
  const feed = (sink: EntrySink): Promise<void> => put(sink, 'file', byContent, inSteps(big, 1_000_000))
  await assert.rejects(
    run(repository, async (sink) => {
      await feed(sink)
      throw new Error('the source broke')
    }),
    /the source broke/,
  )
  await assert.rejects(run(await reopened(repository, broken), feed), (error) => isFailure(error, 'storage_full'))
  const stopping = new AbortController()
  const stopped = run(
    repository,
    async (sink) => {
      stopping.abort()
      await feed(sink)
    },
    {},
    stopping.signal,
  )
  await assert.rejects(stopped, (error) => isFailure(error, 'stopped'))
  assert.deepEqual(await repository.listSnapshots(neverStopped()), [])
  const report = await run(await reopened(repository), feed)
  assert.equal((await storedEntries(await reopened(repository), report.tree)).get('file')!.content, hash('sha256', big))
})
