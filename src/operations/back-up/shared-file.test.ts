import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import type { FileStat } from '../../posix/stat.ts'
import type { Gap } from '../../sources/files/gap.ts'
import type { BackupAnswer, BackupJob } from './backup-job.ts'
import { type RunJob, storeSharedFile } from './shared-file.ts'

const megabyte = 1024 * 1024
const chunk = 4 * megabyte
const stat = { inode: 7 } as FileStat
const gap: Gap = { path: '/large', reason: 'unreadable', detail: 'EIO' }

interface FakeFile {
  /** Chunks that a scan finds in all. */
  readonly chunks: number
  /** Changes an answer. */
  readonly change?: (answer: BackupAnswer, job: BackupJob) => BackupAnswer
}

/** Workers that answer as for a file of chunks of 4 MiB, 16 of them a scan; they note what they were asked. */
function workersOf({ chunks, change = (answer) => answer }: FakeFile): {
  run: RunJob
  jobs: BackupJob[]
  mostStoring(): number
} {
  const jobs: BackupJob[] = []
  let storing = 0
  let most = 0
  const answerTo = (job: BackupJob): BackupAnswer => {
    if (job.kind === 'scan') {
      const lengths = Array.from({ length: Math.min(16, chunks - job.from / chunk) }, () => chunk)
      return { kind: 'scan', lengths, isAtEnd: job.from / chunk + lengths.length === chunks, stat, gap: undefined }
    }
    if (job.kind === 'chunks') {
      const ids = job.lengths.map((_, at) => `${job.from / chunk + at}`)
      const stored = { dataBlobs: ids.length, treeBlobs: 0, dataAdded: 0, dataAddedPacked: 0, treesAdded: 0 }
      return { kind: 'chunks', ids, bytes: ids.length * chunk, gap: undefined, stored }
    }
    assert.equal(job.kind, 'node')
    return { kind: 'node', node: JSON.stringify(job), gaps: [] }
  }
  const run = async (job: BackupJob): Promise<BackupAnswer> => {
    jobs.push(job)
    if (job.kind === 'chunks') most = Math.max(most, ++storing)
    for (let turn = 0; turn < 3; turn++) await setImmediate()
    if (job.kind === 'chunks') storing--
    return change(answerTo(job), job)
  }
  return { run: run as RunJob, jobs, mostStoring: () => most }
}

function nodeJobOf(jobs: readonly BackupJob[]): Extract<BackupJob, { kind: 'node' }> | undefined {
  return jobs.find((job) => job.kind === 'node')
}

test('storeSharedFile() names all chunks in their order, and keeps what waits bounded', async () => {
  const workers = workersOf({ chunks: 100 })
  let stored = 0
  const file = await storeSharedFile('/large', workers.run, ({ bytes }) => void (stored += bytes))
  assert.deepEqual(file.gaps, [])
  assert.equal(file.bytes, 100 * chunk)
  assert.equal(stored, 100 * chunk)
  const job = nodeJobOf(workers.jobs)!
  assert.deepEqual(
    job.ids,
    Array.from({ length: 100 }, (_, at) => `${at}`),
  )
  assert.deepEqual([job.bytes, job.stat], [100 * chunk, stat])
  assert.ok(workers.mostStoring() <= 17, `${workers.mostStoring()}`)
})

test('storeSharedFile() of an empty file names no chunk', async () => {
  const workers = workersOf({ chunks: 0 })
  const file = await storeSharedFile('/large', workers.run, () => {})
  assert.deepEqual(nodeJobOf(workers.jobs)?.ids, [])
  assert.equal(file.bytes, 0)
  assert.notEqual(file.node, undefined)
})

test('storeSharedFile() tells the state before the first scan, whatever it is later', async () => {
  const workers = workersOf({
    chunks: 40,
    change: (answer, job) => {
      return answer.kind === 'scan' && job.kind === 'scan' && job.from > 0
        ? { ...answer, stat: { ...stat, inode: 8 } }
        : answer
    },
  })
  await storeSharedFile('/large', workers.run, () => {})
  assert.equal(nodeJobOf(workers.jobs)?.stat.inode, 7)
})

test('storeSharedFile() ends at the first piece that is short, even if the file is long again behind it', async () => {
  const workers = workersOf({
    chunks: 10,
    change: (answer, job) =>
      answer.kind === 'chunks' && job.kind === 'chunks' && job.from === 2 * chunk
        ? { ...answer, ids: ['2'], bytes: chunk - 5 }
        : answer,
  })
  const file = await storeSharedFile('/large', workers.run, () => {})
  assert.deepEqual(nodeJobOf(workers.jobs)?.ids, ['0', '1', '2'])
  assert.equal(file.bytes, 3 * chunk - 5)
})

test('storeSharedFile() makes no node where a piece or a scan can not be read, and tells it once', async () => {
  for (const kind of ['scan', 'chunks'] as const) {
    for (const from of [0, 2 * chunk, 64 * chunk, 98 * chunk]) {
      const workers = workersOf({
        chunks: 100,
        change: (answer, job) => {
          if (!('from' in job) || job.from < from) return answer
          if (answer.kind === 'scan' && kind === 'scan')
            return { ...answer, lengths: [], isAtEnd: true, stat: undefined, gap }
          return answer.kind === 'chunks' && kind === 'chunks' ? { ...answer, ids: [], bytes: 0, gap } : answer
        },
      })
      const file = await storeSharedFile('/large', workers.run, () => {})
      if (kind === 'scan' && from > 96 * chunk) continue // No scan begins there.
      assert.deepEqual(file, { node: undefined, bytes: 0, gaps: [gap] }, `${kind} from ${from}`)
      assert.equal(nodeJobOf(workers.jobs), undefined)
    }
  }
})

test('storeSharedFile() throws what a worker throws, and leaves no rejection behind', async () => {
  for (const kind of ['scan', 'chunks', 'node'] as const) {
    const { run } = workersOf({
      chunks: 100,
      change: (answer) => {
        if (answer.kind === kind) throw new Error(`no ${kind}`)
        return answer
      },
    })
    await assert.rejects(
      storeSharedFile('/large', run, () => {}),
      new RegExp(`no ${kind}`),
    )
  }
  for (let turn = 0; turn < 20; turn++) await setImmediate()
})
