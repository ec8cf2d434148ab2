import { throwIfStopped } from '../../base/abort.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import { describeGeneration, type Generation, type GenerationName } from '../../keys/generation.ts'
import type { Keyring } from '../../keys/keyring.ts'
import type { Id } from '../../model/id.ts'
import { addKey, type KeyOrigin } from '../../repository/keys.ts'
import { openRepository } from '../../repository/open-repository.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Storage } from '../../storage/storage.ts'
import { masterKeyOf } from './master-key-of.ts'

/** A key that stock restic opens a copy with. */
export interface ExportedKey {
  /** Name of the key object in the copy. */
  readonly id: Id
  /** The generation that the copy belongs to. */
  readonly generation: GenerationName
}

/**
 * Puts a standard restic key for a password into a copy of a repository, so that `restic` opens the copy without this
 * program. The keyring's generations are tried until one opens it; with `generation` only that one. The key has been read back
 * and opened when this resolves. From then on the copy is guarded by the password alone: the caller has made sure that
 * it is no location of a policy (requireCopyApart()). Failures: `key_wrong` where no generation opens it, `keyring_locked` for a destroyed
 * one that was named, and those of openRepository().
 */
export async function exportResticKey(
  options: KeyOrigin & {
    readonly storage: Storage
    readonly keyring: Pick<Keyring, 'generations' | 'masterKey'>
    readonly generation?: GenerationName
    readonly password: string
  },
  signal: AbortSignal,
): Promise<ExportedKey> {
  const { storage, keyring, generation } = options
  if (options.password === '') throw new Failure('usage', 'Cannot export a key: the password is empty')
  const candidates = generation === undefined ? openable(keyring.generations) : [generation]
  for (const candidate of candidates) {
    throwIfStopped(signal)
    const repository = await openWith(candidate, options, signal)
    if (repository === undefined) continue
    await using opened = repository
    const id = await addKey(opened, options, signal)
    return { id, generation: { environment: candidate.environment, generation: candidate.generation } }
  }
  const tried = candidates.map((one) => describeGeneration(one)).join(', ')
  throw new Failure('key_wrong', `Cannot export a key into "${storage.name}": it opens with none of ${tried}`, {
    facts: { hint: 'Is it a copy of a repository of this policy? `keys list` shows which generations there are' },
  })
}

/** Newest first, since that is what most copies are of. */
function openable(generations: readonly Generation[]): Generation[] {
  return generations.filter(({ state }) => state !== 'destroyed').toReversed()
}

async function openWith(
  generation: GenerationName,
  { storage, keyring, random }: Parameters<typeof exportResticKey>[0],
  signal: AbortSignal,
): Promise<Repository | undefined> {
  try {
    return await openRepository({ storage, random, masterKey: masterKeyOf(keyring, generation) }, signal)
  } catch (error) {
    if (isFailure(error, 'key_wrong')) return undefined
    throw error
  }
}
