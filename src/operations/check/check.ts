import { inLanes } from '../../base/in-lanes.ts'
import { together } from '../../base/together.ts'
import type { RandomBytes } from '../../base/random.ts'
import type { EarlyThreads } from '../../kernels/early-threads.ts'
import type { Id } from '../../model/id.ts'
import {
  configName,
  describeObject,
  objectNameOf,
  packObjectName,
  parseObjectName,
} from '../../repository/object-kind.ts'
import type { Repository } from '../../repository/repository.ts'
import { objectBytesMax } from '../../storage/object-range.ts'
import type { Storage } from '../../storage/storage.ts'
import { examineObject } from '../examine-object.ts'
import { configProof } from '../heal/config-proof.ts'
import { loadIndexFiles, type IndexFile } from '../load-index-files.ts'
import { joinIndexes } from '../join-indexes.ts'
import type { Progress, ProgressSink } from '../progress.ts'
import { listCopiedObjects } from '../stored-objects.ts'
import { checkPacks } from './check-packs.ts'
import { Findings, type CheckReport } from './check-report.ts'
import { checkTrees, type TreesChecked } from './check-trees.ts'
import { choosePacksToRead, type ReadChoice } from './read-choice.ts'
import { readPacks } from './read-packs.ts'

export interface CheckRequest {
  readonly repository: Repository
  /** Which packs to read from end to end; the structure is always checked as a whole. */
  readonly read: ReadChoice
  /** A mirror to compare the names with: only that can tell that a snapshot, a key or an index is gone. */
  readonly mirror?: Storage
  /** Threads that verify packs. */
  readonly workers: number
  /** Some of them, started before; whoever started them ends those that were not needed. */
  readonly early?: EarlyThreads
}

/**
 * Checks a repository: that keys, config, snapshots and indexes are intact, that all packs are there with the size
 * that the index says, that everything that a snapshot names is known; and, for the packs chosen to be read, that
 * every byte is what its name, its seal and its hash say. What is wrong is the report, not an error.
 *
 * It reads only. The caller holds a lock, exclusive as restic's own check does, or it may see work of others half done.
 */
export async function check(
  request: CheckRequest,
  context: { readonly progress: ProgressSink; readonly random: RandomBytes },
  signal: AbortSignal,
): Promise<CheckReport> {
  const run = new CheckRun(request, context)
  return await run.run(signal)
}

/** Small objects read at the same time. */
const lanesMax = 8

class CheckRun {
  readonly #request: CheckRequest
  readonly #repository: Repository
  readonly #context: { readonly progress: ProgressSink; readonly random: RandomBytes }
  readonly #findings = new Findings()

  constructor(request: CheckRequest, context: { readonly progress: ProgressSink; readonly random: RandomBytes }) {
    this.#request = request
    this.#repository = request.repository
    this.#context = context
  }

  async run(signal: AbortSignal): Promise<CheckReport> {
    const findings = this.#findings
    await this.#checkNamed(signal)
    const roots = await this.#loadSnapshots(signal)
    const indexes = await loadIndexFiles(
      this.#repository,
      { onDamaged: (id, failure) => findings.note('index_damaged', objectNameOf('index', id), failure.message) },
      signal,
    )
    // Damaged ones were noted above; here they are only left out.
    await this.#repository.loadIndex(signal, { onDamaged: () => {} })
    const packs = await this.#listPacks(signal)
    checkPacks({ indexes, storedPacks: packs }, findings)
    // Trees are read on this thread, packs are verified on others.
    const [trees, read] = await together(signal, [
      (both) => this.#checkTrees(roots, both),
      (both) => this.#readPacks(packs, indexes, both),
    ])
    if (this.#request.mirror !== undefined) await this.#compareMirror(this.#request.mirror, signal)
    const totals = this.#repository.index.totals()
    return {
      faults: findings.of('fault'),
      hints: findings.of('hint'),
      omitted: findings.omitted,
      counts: {
        snapshots: roots.length,
        indexes: indexes.length,
        packs: packs.size,
        packBytes: sumOf(packs.values()),
        blobs: totals.dataBlobs + totals.treeBlobs,
        ...trees,
        ...read,
      },
    }
  }

  /** Keys and config: nothing else reads all of them. */
  async #checkNamed(signal: AbortSignal): Promise<void> {
    const { storage } = this.#repository
    const proveConfig = configProof(this.#repository.key)
    const objectNames = [configName]
    for await (const { id } of this.#repository.list('keys', signal)) objectNames.push(objectNameOf('keys', id))
    await inLanes(objectNames, lanesMax, signal, async (objectName) => {
      const examined = await examineObject(storage, objectName, { proveConfig }, signal)
      if (examined.state !== 'intact')
        this.#findings.note(objectName === configName ? 'config_damaged' : 'key_damaged', objectName, examined.detail)
    })
  }

  async #loadSnapshots(signal: AbortSignal): Promise<Id[]> {
    const listed = await Array.fromAsync(this.#repository.list('snapshots', signal))
    const damaged = new Set<Id>()
    const note = (id: Id, detail: string): void => {
      damaged.add(id)
      this.#findings.note('snapshot_damaged', objectNameOf('snapshots', id), detail)
    }
    const snapshots = await this.#repository.listSnapshots(signal, {
      onDamaged: (id, failure) => note(id, failure.message),
    })
    const loaded = new Set(snapshots.map(({ id }) => id))
    for (const { id } of listed) {
      if (!loaded.has(id) && !damaged.has(id))
        note(id, `${describeObject('snapshots', id)} is listed and can not be read`)
    }
    return snapshots.map(({ tree }) => tree)
  }

  /** Sizes of all packs. */
  async #listPacks(signal: AbortSignal): Promise<ReadonlyMap<Id, number>> {
    const packs = new Map<Id, number>()
    for await (const { objectName, size } of this.#repository.storage.list('data/', signal)) {
      const parsed = parseObjectName(objectName)
      if (parsed?.kind === 'data') packs.set(parsed.id, size)
      else this.#findings.note('object_foreign', objectName, 'its name is not that of a pack')
    }
    return packs
  }

  async #checkTrees(roots: readonly Id[], signal: AbortSignal): Promise<TreesChecked> {
    const told = (filesDone: number): void => {
      if (this.#request.read === 'none') this.#tell('check trees', { filesDone, bytesDone: 0 })
    }
    return await checkTrees(this.#repository, roots, this.#findings, told, signal)
  }

  async #readPacks(
    packs: ReadonlyMap<Id, number>,
    indexes: readonly IndexFile[],
    signal: AbortSignal,
  ): Promise<{ readonly readPacks: number; readonly readBytes: number }> {
    const indexed = joinIndexes(indexes).flatMap((pack) => {
      const size = packs.get(pack.id)
      if (size === undefined) return []
      if (size <= objectBytesMax) return [{ ...pack, size }]
      const detail = `it has ${size} bytes, more than any pack may have; it was not read`
      this.#findings.note('pack_damaged', packObjectName(pack.id), detail)
      return []
    })
    const chosen = choosePacksToRead(indexed, this.#request.read, this.#context.random)
    const readBytes = sumOf(chosen.map(({ size }) => size))
    const reading = {
      repository: this.#repository,
      packs: chosen,
      workers: this.#request.workers,
      early: this.#request.early,
      progress: (done: { readonly packs: number; readonly bytes: number }) =>
        this.#tell('read packs', {
          filesDone: done.packs,
          filesTotal: chosen.length,
          bytesDone: done.bytes,
          bytesTotal: readBytes,
        }),
    }
    await readPacks(reading, this.#findings, signal)
    return { readPacks: chosen.length, readBytes }
  }

  async #compareMirror(mirror: Storage, signal: AbortSignal): Promise<void> {
    const here = new Set(
      (await listCopiedObjects(this.#repository.storage, signal)).map(({ objectName }) => objectName),
    )
    for (const { objectName } of await listCopiedObjects(mirror, signal)) {
      if (!here.has(objectName)) this.#findings.note('object_absent', objectName, `mirror "${mirror.name}" has it`)
    }
  }

  #tell(phase: string, progress: Omit<Progress, 'phase' | 'gaps'>): void {
    this.#context.progress({ phase, ...progress, gaps: this.#findings.count })
  }
}

function sumOf(numbers: Iterable<number>): number {
  let sum = 0
  for (const number of numbers) sum += number
  return sum
}
