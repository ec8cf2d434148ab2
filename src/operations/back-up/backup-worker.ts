import { hash, randomFillSync } from 'node:crypto'
import { Failure } from '../../base/failure.ts'
import { chunkBytesMax, KernelMemory } from '../../kernels/kernel-memory.ts'
import { Opener } from '../../kernels/seal.ts'
import { serveJobs, workerHost } from '../../kernels/worker-host.ts'
import { ZstdCompressor, ZstdDecompressor, zstdFast } from '../../kernels/zstd.ts'
import { OwnerNames } from '../../posix/owner-names.ts'
import { BlobIndex } from '../../repository/blob-index.ts'
import { ExcludeRules } from '../../sources/files/exclude-rules.ts'
import {
  type BackupAnswer,
  type BackupJob,
  type BackupWorkerData,
  type Compression,
  jobsPerWorkerMax,
  type PackReady,
} from './backup-job.ts'
import { ChunkStore, packSlotCount } from './chunk-store.ts'
import { directoryJob, storeTree } from './directory-job.ts'
import { chunksJob, filesJob, nodeJob, scanJob } from './file-jobs.ts'
import { PackSlots } from './pack-slots.ts'
import { storeAttachments } from './store-attachments.ts'
import { storePages } from './store-pages.ts'
import { TreeMatcher } from './tree-matcher.ts'
import type { WorkerContext } from './worker-context.ts'

/** A largest chunk, and so much more that what is left of the last one is seldom moved. */
const windowBytes = chunkBytesMax + 1024 * 1024
/** What a pack may have beyond its target: one more chunk, and the header. */
const slotMarginBytes = chunkBytesMax + 2 * 1024 * 1024

const host = workerHost()
let begun: (WorkerContext & { readonly close: () => void }) | undefined

serveJobs<BackupJob, BackupAnswer>({
  answersAtOnce: jobsPerWorkerMax / 2, // The other half is what it does meanwhile.
  handle: (job) => {
    if (job.kind === 'begin') {
      begun = createContext(job.data)
      return { kind: 'begin' }
    }
    if (job.kind === 'rest') {
      begun?.close()
      begun = undefined
      return { kind: 'rest' }
    }
    if (begun === undefined) throw new Failure('defect', `A worker got the job "${job.kind}" before its work began`)
    return answer(job, begun)
  },
})

function answer(job: Exclude<BackupJob, { kind: 'begin' | 'rest' }>, context: WorkerContext): BackupAnswer {
  switch (job.kind) {
    case 'directory':
      return directoryJob(job, context)
    case 'files':
      return filesJob(job, context)
    case 'scan':
      return scanJob(job, context)
    case 'chunks':
      return chunksJob(job, context)
    case 'node':
      return nodeJob(job, context)
    case 'pieces':
      return piecesJob(job, context)
    case 'tree':
      return { kind: 'tree', tree: storeTree(job.nodes, context), stored: context.store.takeStored() }
    case 'attach':
      return { kind: 'attach', tree: storeAttachments(job, context), stored: context.store.takeStored() }
    case 'hash':
      return { kind: 'hash', id: hash('sha256', new Uint8Array(job.buffer, 0, job.length)) }
    case 'flush':
      context.store.flush()
      return { kind: 'flush' }
    default:
      return job satisfies never
  }
}

/** Stores what the main thread has read and cut. */
function piecesJob(
  { start, lengths, pageBytes }: Extract<BackupJob, { kind: 'pieces' }>,
  { store, streamMemory }: WorkerContext,
): Extract<BackupAnswer, { kind: 'pieces' }> {
  if (streamMemory === undefined) throw new Failure('defect', 'A worker got pieces of a stream, but no memory of it')
  let at = start
  const ids = lengths.map((length, piece) => {
    const bytes = new Uint8Array(streamMemory, at, length)
    at += length
    const page = pageBytes[piece]!
    return page === 0 ? [store.store('data', bytes)] : storePages(bytes, page, store)
  })
  return { kind: 'pieces', ids, stored: store.takeStored() }
}

function createContext(options: BackupWorkerData): NonNullable<typeof begun> {
  const slotBytes = align(options.packBytesTarget + slotMarginBytes)
  const memory = new KernelMemory({ regionBytes: windowBytes + packSlotCount * slotBytes })
  memory.setGearKey(options.gearKey)
  const { chunking } = options
  const chunkBytes = chunking.kind === 'fixed' ? chunking.bytes : undefined
  const window = { memory, start: memory.start, end: memory.start + windowBytes, chunkBytes }
  const index = BlobIndex.attach(options.index)
  const decompressor = new ZstdDecompressor()
  const compressors = options.repositoryVersion === 1 ? undefined : compressorsOf(options.compression)
  const owners = new OwnerNames()
  const rules = new ExcludeRules(options.excludes)
  const isPlain = rules.isEmpty && !options.withAtime && !options.readAll
  const store = new ChunkStore({
    decompressor,
    memory,
    slotsStart: window.end,
    slotBytes,
    slots: new PackSlots(packSlotCount),
    key: options.key,
    randomIv: () => randomFillSync(new Uint8Array(16)),
    index,
    compressors,
    packBytesTarget: options.packBytesTarget,
    dryRun: options.dryRun,
    packReady: (pack) => host.post({ kind: 'pack', ...pack } satisfies PackReady),
  })
  return {
    key: options.key,
    window,
    store,
    index,
    opener: new Opener(memory, options.key),
    decompressor,
    rules,
    nodeOptions: { owners, withAtime: options.withAtime },
    readAll: options.readAll,
    matcher: isPlain ? new TreeMatcher(window, index, owners) : undefined,
    streamMemory: options.streamMemory,
    close: () => {
      for (const one of [decompressor, compressors?.data, compressors?.tree]) one?.close()
    },
  }
}

/** Trees are compressed whatever is asked for: format 2 wants it. */
function compressorsOf(compression: Compression): {
  readonly data: ZstdCompressor | undefined
  readonly tree: ZstdCompressor
} {
  const tree = new ZstdCompressor(1)
  switch (compression) {
    case 'auto':
      return { data: new ZstdCompressor(zstdFast), tree }
    case 'max':
      return { data: new ZstdCompressor(15), tree }
    case 'off':
      return { data: undefined, tree }
    default:
      return compression satisfies never
  }
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64
}
