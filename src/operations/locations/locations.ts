import type { Clock } from '../../base/clock.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { RandomBytes } from '../../base/random.ts'
import type { MasterKey } from '../../kernels/seal.ts'
import type { Environment, LocationName } from '../../model/policy/policy.ts'
import { initRepository } from '../../repository/init-repository.ts'
import { lockRepository, type RepositoryLock } from '../../repository/lock-repository.ts'
import type { LockOwner } from '../../repository/locks.ts'
import { configName } from '../../repository/object-kind.ts'
import { openRepository } from '../../repository/open-repository.ts'
import { Repository } from '../../repository/repository.ts'
import { whileLocked } from '../../repository/while-locked.ts'
import { parsePlace, placeWithin, type StorageAdapters } from '../../storage/storage-adapter.ts'
import type { Storage } from '../../storage/storage.ts'
import { withRetry } from '../../storage/with-retry.ts'

export interface LocationsOptions {
  readonly environment: Environment
  /** Where each location is; the secondary is undefined where the environment has none. */
  readonly places: { readonly primary: string; readonly secondary: string | undefined }
  readonly adapters: StorageAdapters
  /** The master key of a generation of this environment. Failure `keyring_locked` where there is none any more. */
  readonly masterKey: (generation: number) => MasterKey
  readonly random: RandomBytes
  readonly clock: Clock
  readonly lockOwner: LockOwner
  /** How long to wait for a repository that another process has locked. */
  readonly retryLockMs: number
  readonly onRetry?: (failure: Failure, waitMs: number) => void
}

/** Which repository: each generation of the environment has one in each location. */
export interface RepositoryChoice {
  readonly location: LocationName
  readonly generation: number
}

/** A repository with a lock on it. Disposing it gives the lock back and closes the storage. */
export interface LockedRepository extends AsyncDisposable {
  readonly repository: Repository
  /** Aborted with the caller's, and when the lock is lost. */
  readonly signal: AbortSignal
}

/**
 * The locations of an environment: `<place>/<environment>/<generation>/repository` is a repository without keys in it,
 * opened by the master key of its generation.
 */
export class Locations {
  readonly #options: LocationsOptions

  constructor(options: LocationsOptions) {
    this.#options = options
  }

  /** The locations that there are, the primary first. */
  get names(): readonly LocationName[] {
    return this.#options.places.secondary === undefined ? ['primary'] : ['primary', 'secondary']
  }

  /** The place of a location as the policy names it. Failure `usage` where the environment has none of this name. */
  placeOf(location: LocationName): string {
    const place = this.#options.places[location]
    if (place !== undefined) return place
    const { environment } = this.#options
    throw new Failure('usage', `Cannot use the ${location} location: the policy has none for ${environment}`)
  }

  /** The place of a repository: what `restic -r` takes. */
  repositoryPlace({ location, generation }: RepositoryChoice): string {
    return this.placeIn(location, String(generation), 'repository')
  }

  /** The place of the write-ahead logs of a generation: a folder for each source lies in it. */
  walPlace({ location, generation }: RepositoryChoice): string {
    return this.placeIn(location, String(generation), 'wal')
  }

  /** A place of the environment within a location. */
  placeIn(location: LocationName, ...names: readonly string[]): string {
    return placeWithin(this.placeOf(location), this.#options.environment, ...names)
  }

  /**
   * The storage of signed heads of the evidence, closed by disposing it; undefined where nothing of the environment lies at the
   * location yet, since an empty folder may be one that is not mounted. Failures as of has().
   */
  async evidence(
    location: LocationName,
    signal: AbortSignal,
  ): Promise<({ readonly inside: Storage } & AsyncDisposable) | undefined> {
    await this.requireReachable(location, signal)
    try {
      await using environment = disposable(await this.#open(this.placeIn(location), 'existing', signal))
      await environment.inside.size(configName, signal)
    } catch (error) {
      if (isFailure(error, 'repository_missing')) return undefined
      throw error
    }
    return disposable(await this.#open(this.placeIn(location, 'evidence'), 'create', signal))
  }

  /**
   * Whether there is a repository. Failure `storage_unreachable` where the location itself is not there: a disk that
   * is not mounted is not an empty location.
   */
  async has(choice: RepositoryChoice, signal: AbortSignal): Promise<boolean> {
    await this.requireReachable(choice.location, signal)
    try {
      await using storage = disposable(await this.storage(choice, 'existing', signal))
      return (await storage.inside.size(configName, signal)) !== undefined
    } catch (error) {
      if (isFailure(error, 'repository_missing')) return false
      throw error
    }
  }

  /** Failure `storage_unreachable` where nothing of the location can be reached. */
  async requireReachable(location: LocationName, signal: AbortSignal): Promise<void> {
    const place = this.placeOf(location)
    try {
      await using storage = disposable(await this.#open(place, 'existing', signal))
      await storage.inside.size(configName, signal)
    } catch (error) {
      if (!isFailure(error, 'repository_missing')) throw error
      throw new Failure('storage_unreachable', `Cannot reach the ${location} location "${place}": it is not there`, {
        facts: { hint: 'Mount it, or make the folder if this is a new location' },
        cause: error,
      })
    }
  }

  /** The bare storage of a repository, for mirroring, verifying and healing by name; the caller closes it. */
  async storage(choice: RepositoryChoice, open: 'existing' | 'create', signal: AbortSignal): Promise<Storage> {
    return await this.#open(this.repositoryPlace(choice), open, signal)
  }

  /**
   * The storage of the write-ahead logs of a generation; undefined where there is none, unless it is to be made. Failure
   * `storage_unreachable` where the location itself is not there. The caller closes it.
   */
  async walStorage(
    choice: RepositoryChoice,
    open: 'existing' | 'create',
    signal: AbortSignal,
  ): Promise<Storage | undefined> {
    await this.requireReachable(choice.location, signal)
    try {
      const storage = await this.#open(this.walPlace(choice), open, signal)
      if (open === 'existing') await storage.size(configName, signal) // Tells whether the place is there.
      return storage
    } catch (error) {
      if (isFailure(error, 'repository_missing')) return undefined
      throw error
    }
  }

  /** The key that seals what lies in a generation. Failure `keyring_locked`. */
  keyOf(generation: number): MasterKey {
    return this.#options.masterKey(generation)
  }

  /** The same, closed by disposing it. */
  async opened(choice: RepositoryChoice, signal: AbortSignal): Promise<{ readonly inside: Storage } & AsyncDisposable> {
    return disposable(await this.storage(choice, 'existing', signal))
  }

  /** Makes the repository of a generation in a location that has none. Failure `repository_exists` where there is one. */
  async create(choice: RepositoryChoice, signal: AbortSignal): Promise<void> {
    const { masterKey, random, clock, lockOwner } = this.#options
    await this.requireReachable(choice.location, signal)
    await using storage = disposable(await this.storage(choice, 'create', signal))
    const { hostname, username } = lockOwner
    const origin = { hostname, username, clock, random }
    const options = { storage: storage.inside, version: 2, masterKey: masterKey(choice.generation), ...origin } as const
    await initRepository(options, signal)
  }

  /**
   * Opens a repository and locks it: `shared` to read and to add, `exclusive` to remove. The index is not read yet.
   * Failures as of openRepository() and lockRepository(), and `storage_unreachable`.
   */
  async lock(choice: RepositoryChoice, kind: 'shared' | 'exclusive', signal: AbortSignal): Promise<LockedRepository> {
    await this.requireReachable(choice.location, signal)
    await using opened = new AsyncDisposableStack()
    const storage = await this.storage(choice, 'existing', signal)
    opened.defer(() => storage.close())
    const { random } = this.#options
    const repository = await this.openStorage(storage, choice.generation, signal)
    const lock = opened.use(await this.lockOpened(repository, kind, signal))
    const { config, key, keyId } = repository
    const locked = new Repository({ storage: whileLocked(storage, lock), config, key, keyId, random })
    const held = opened.move()
    return { repository: locked, signal: lock.signal, [Symbol.asyncDispose]: () => held.disposeAsync() }
  }

  /** The repository of a generation in a storage, not locked. */
  async openStorage(storage: Storage, generation: number, signal: AbortSignal): Promise<Repository> {
    const { random, masterKey } = this.#options
    return await openRepository({ storage, random, masterKey: masterKey(generation) }, signal)
  }

  /** Locks a repository that was opened otherwise. */
  async lockOpened(repository: Repository, kind: 'shared' | 'exclusive', signal: AbortSignal): Promise<RepositoryLock> {
    const { lockOwner: owner, clock, retryLockMs } = this.#options
    return await lockRepository(repository, { kind, owner, clock, retryLockMs }, signal)
  }

  async #open(place: string, open: 'existing' | 'create', signal: AbortSignal): Promise<Storage> {
    const { adapters, clock, random, onRetry } = this.#options
    const { adapter, path } = parsePlace(place, adapters)
    const storage = await (open === 'create'
      ? adapters[adapter]!.create(path, signal)
      : adapters[adapter]!.open(path, signal))
    return withRetry(storage, {
      clock,
      random: () => Buffer.from(random(4)).readUInt32LE() / 2 ** 32,
      ...(onRetry !== undefined && { onRetry }),
    })
  }
}

function disposable(inside: Storage): { readonly inside: Storage } & AsyncDisposable {
  return { inside, [Symbol.asyncDispose]: () => inside.close() }
}
