import { Failure } from '../../base/failure.ts'
import { inLanes } from '../../base/in-lanes.ts'
import { EarlyThreads } from '../../kernels/early-threads.ts'
import { KernelMemory } from '../../kernels/kernel-memory.ts'
import { WorkerPool, workerUrl } from '../../kernels/worker-pool.ts'
import type { IndexedPack } from '../../repository/index-json.ts'
import { packObjectName } from '../../repository/object-kind.ts'
import { encodePackHeader } from '../../repository/pack-header.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Storage } from '../../storage/storage.ts'
import { isDamage } from '../load-index-files.ts'
import type { CheckAnswer, CheckJob, CheckWorkerData } from './check-job.ts'
import type { Findings } from './check-report.ts'
import type { PackSize } from './read-choice.ts'

export type PackToRead = PackSize & IndexedPack

export interface PackReading {
  readonly repository: Pick<Repository, 'storage' | 'key'>
  /** As they are stored, and as the index describes them. */
  readonly packs: readonly PackToRead[]
  /** Threads that verify. */
  readonly workers: number
  readonly early?: EarlyThreads | undefined
  readonly progress: (done: { readonly packs: number; readonly bytes: number }) => void
}

/** A worker verifies the pack in one slot while the next one is read into the other. */
const slotsPerWorker = 2
/** Memory for packs, bytes; larger packs get fewer slots. */
const slotBytesTotal = 512 * 1024 * 1024
const alignment = 4096

const workerModule = workerUrl(import.meta.url, './check-worker')

/** Threads that a check which reads packs will need, started while its repository is opened. */
export function earlyCheckThreads(workers: number): EarlyThreads {
  return new EarlyThreads(workerModule, workers)
}

/** Reads these packs from end to end and verifies every byte of them. */
export async function readPacks(reading: PackReading, findings: Findings, signal: AbortSignal): Promise<void> {
  const wanted = reading.packs.filter(({ blobs }) => blobs.length > 0) // Of a pack without blobs nothing can be needed.
  if (wanted.length === 0) return
  const slots = new PackSlots(reading)
  await using pool = slots.open()
  let packs = 0
  let bytes = 0
  await inLanes(wanted, slots.lanes, signal, async (pack, lane) => {
    await verifyTwice(pack, new LaneReader(reading.repository.storage, slots, lane, pool), findings, signal)
    packs++
    bytes += pack.size
    reading.progress({ packs, bytes })
  })
}

/** Where packs are read to: each worker's memory in slots, each lane of reading with a slot of its own. */
class PackSlots {
  readonly lanes: number
  readonly #workers: number
  readonly #slotBytes: number
  readonly #memories: KernelMemory[]
  readonly #key: CheckWorkerData['key']
  readonly #early: EarlyThreads | undefined

  constructor({ packs, repository, workers, early }: PackReading) {
    this.#early = early
    const largest = packs.reduce((most, { size }) => Math.max(most, size), 0)
    this.#slotBytes = Math.ceil(largest / alignment) * alignment
    this.#workers = Math.max(1, Math.min(workers, packs.length, Math.floor(slotBytesTotal / this.#slotBytes)))
    const slots = this.#slotBytes * this.#workers * slotsPerWorker <= slotBytesTotal ? slotsPerWorker : 1
    if (this.#slotBytes > 2 ** 31 - 2 ** 20)
      throw new Failure('unsupported', `Cannot read a pack of ${largest} bytes in one piece: 2 GiB is the most`)
    this.lanes = this.#workers * slots
    this.#memories = Array.from(
      { length: this.#workers },
      () => new KernelMemory({ regionBytes: this.#slotBytes * slots }),
    )
    this.#key = repository.key
  }

  open(): WorkerPool<CheckJob, CheckAnswer> {
    return new WorkerPool<CheckJob, CheckAnswer>({
      workerUrl: workerModule,
      early: this.#early,
      workerData: undefined,
      workerDataOf: (workerIndex): CheckWorkerData => ({ key: this.#key, memory: this.#memories[workerIndex]!.shared }),
      workersMax: this.#workers,
      jobsPerWorkerMax: slotsPerWorker,
    })
  }

  workerOf(lane: number): number {
    return lane % this.#workers
  }

  slot(lane: number): { readonly memory: KernelMemory; readonly start: number } {
    const memory = this.#memories[this.workerOf(lane)]!
    return { memory, start: memory.start + Math.floor(lane / this.#workers) * this.#slotBytes }
  }
}

/** Reads packs into one slot and has them verified there. */
class LaneReader {
  readonly #storage: Pick<Storage, 'get'>
  readonly #slots: PackSlots
  readonly #lane: number
  readonly #pool: WorkerPool<CheckJob, CheckAnswer>

  constructor(storage: Pick<Storage, 'get'>, slots: PackSlots, lane: number, pool: WorkerPool<CheckJob, CheckAnswer>) {
    this.#storage = storage
    this.#slots = slots
    this.#lane = lane
    this.#pool = pool
  }

  async verify({ id, size }: PackSize, header: Uint8Array, signal: AbortSignal): Promise<CheckAnswer> {
    const { memory, start } = this.#slots.slot(this.#lane)
    const slot = memory.view(start, start + size)
    try {
      const bytes = await this.#storage.get(packObjectName(id), { into: slot }, signal)
      if (bytes.length !== size) return [`it has ${bytes.length} bytes, where ${size} were listed`]
      if (bytes.buffer !== slot.buffer || bytes.byteOffset !== slot.byteOffset) slot.set(bytes)
    } catch (error) {
      if (!isDamage(error)) throw error
      return [error.message]
    }
    const job: CheckJob = { id, start, end: start + size, header }
    return await this.#pool.run(job, [], { workerIndex: this.#slots.workerOf(this.#lane), signal })
  }
}

/** A fault that a second reading does not show arose on the way between the disk and here; it is told too. */
async function verifyTwice(
  pack: PackToRead,
  reader: LaneReader,
  findings: Findings,
  signal: AbortSignal,
): Promise<void> {
  const header = encodePackHeader(pack.blobs.toSorted((a, b) => a.offset - b.offset))
  const faults = await reader.verify(pack, header, signal)
  if (faults.length === 0) return
  const again = await reader.verify(pack, header, signal)
  const objectName = packObjectName(pack.id)
  if (again.length > 0) findings.note('pack_damaged', objectName, again.join('; '))
  else
    findings.note(
      'pack_unsteady',
      objectName,
      `it was right at the second reading, but at the first ${faults.join('; ')}`,
    )
}
