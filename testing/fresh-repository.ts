import { hash, randomBytes } from 'node:crypto'
import { systemClock } from '../src/base/clock.ts'
import { neverStopped } from '../src/base/abort.ts'
import { KernelMemory } from '../src/kernels/kernel-memory.ts'
import { Sealer } from '../src/kernels/seal.ts'
import type { BlobType } from '../src/model/blob.ts'
import type { Id } from '../src/model/id.ts'
import type { RepositoryVersion } from '../src/repository/config.ts'
import { initRepository } from '../src/repository/init-repository.ts'
import { randomMasterKey } from '../src/repository/key-derivation.ts'
import { PackBuilder } from '../src/repository/pack-builder.ts'
import type { Repository } from '../src/repository/repository.ts'
import type { Storage } from '../src/storage/storage.ts'
import { memoryStorage } from '../src/storage/memory/memory-storage.ts'

const random = (count: number): Uint8Array => randomBytes(count)

/** scrypt at its lowest cost, so that tests do not wait for it. */
export const cheapCost = { N: 2, r: 1, p: 1 }

/** A new repository without keys, opened by a master key: at hand in a millisecond. */
export async function freshRepository(
  options: { readonly version?: RepositoryVersion; readonly storage?: Storage } = {},
): Promise<Repository> {
  const { version = 2, storage = memoryStorage() } = options
  const masterKey = randomMasterKey(random)
  const origin = { hostname: 'host', username: 'user', clock: systemClock, random }
  return await initRepository({ storage, version, masterKey, ...origin }, neverStopped())
}

/** A pack with these blobs, uncompressed, stored but named by no index yet. */
export async function storePack(
  repository: Repository,
  contents: readonly Uint8Array[],
  type: BlobType = 'data',
): Promise<{ readonly id: Id; readonly blobs: ReturnType<PackBuilder['finish']>['blobs'] }> {
  const memory = new KernelMemory({ regionBytes: 4 * 1024 * 1024 })
  const sealer = new Sealer(memory, repository.key, () => repository.random(16))
  const builder = new PackBuilder(sealer, memory, memory.start, memory.end)
  for (const bytes of contents) {
    builder.add({ id: hash('sha256', bytes), type, bytes, uncompressedLength: undefined })
  }
  const { id, start, end, blobs } = builder.finish()
  await repository.savePack(id, memory.bytes.subarray(start, end), neverStopped())
  return { id, blobs }
}
