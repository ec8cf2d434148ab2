import { randomBytes } from 'node:crypto'
import { fakeClock } from '../src/base/clock.ts'
import { Failure } from '../src/base/failure.ts'
import type { LocationName } from '../src/model/policy/policy.ts'
import { Locations, type LocationsOptions } from '../src/operations/locations/locations.ts'
import { randomMasterKey } from '../src/repository/key-derivation.ts'
import { memoryStorage } from '../src/storage/memory/memory-storage.ts'
import type { StorageAdapter } from '../src/storage/storage-adapter.ts'
import type { Storage } from '../src/storage/storage.ts'

/** Storages in memory by place. Those whose place begins with a word of `away` are not there. */
export class MemoryPlaces {
  readonly storages = new Map<string, Storage>()
  readonly away = new Set<string>()

  readonly adapter: StorageAdapter = {
    open: async (place) => {
      const storage = this.#isAway(place) ? undefined : this.storages.get(place)
      if (storage === undefined)
        throw new Failure('repository_missing', `Cannot open folder "${place}": it is not there`)
      return { ...storage, close: async () => {} }
    },
    create: async (place, signal) => {
      if (this.#isAway(place)) throw new Failure('storage_unreachable', `Cannot make folder "${place}"`)
      if (!this.storages.has(place)) this.storages.set(place, memoryStorage(place))
      return await this.adapter.open(place, signal)
    },
  }

  #isAway(place: string): boolean {
    return [...this.away].some((word) => place.startsWith(word))
  }
}

const random = (bytes: number): Uint8Array => randomBytes(bytes)

/** A primary and a secondary location in memory, for the production environment, with any number of generations. */
export function memoryLocations(options: Partial<LocationsOptions> = {}): {
  readonly locations: Locations
  readonly places: MemoryPlaces
  readonly storageOf: (location: LocationName, generation?: number) => Storage
} {
  const places = new MemoryPlaces()
  for (const place of ['primary', 'secondary']) places.storages.set(place, memoryStorage(place))
  const keys = new Map<number, ReturnType<typeof randomMasterKey>>()
  const locations = new Locations({
    environment: 'production',
    places: { primary: 'primary', secondary: 'secondary' },
    adapters: { local: places.adapter },
    masterKey: (generation) => {
      const key = keys.get(generation) ?? randomMasterKey(random)
      keys.set(generation, key)
      return key
    },
    random,
    clock: fakeClock(new Date('2026-11-29T02:00:00Z')),
    lockOwner: {
      hostname: 'host',
      username: 'user',
      processId: 1,
      userId: 0,
      groupId: 0,
      isProcessAlive: () => true,
    },
    retryLockMs: 0,
    ...options,
  })
  const storageOf = (location: LocationName, generation = 1): Storage =>
    places.storages.get(`${location}/production/${generation}/repository`)!
  return { locations, places, storageOf }
}
