import type { Snapshot } from '../../model/snapshot.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Outcome } from '../outcome.ts'
import type { Output } from '../output/output.ts'

/** What a repository has of snapshots. The outcome is `damaged` where some can not be read; those were told. */
export interface ReadSnapshots {
  readonly snapshots: readonly Snapshot[]
  readonly outcome: Outcome
}

/** Reads all snapshots, and the index after them, so that it names all that they need. */
export async function readSnapshots(
  repository: Repository,
  options: { readonly index: 'load' | 'leave'; readonly output: Output },
  signal: AbortSignal,
): Promise<ReadSnapshots> {
  let outcome: Outcome = 'done'
  const snapshots = await repository.listSnapshots(signal, {
    onDamaged: (id, failure) => {
      outcome = 'damaged'
      options.output.problem({ during: 'read snapshots', item: id, message: failure.message })
    },
  })
  if (options.index === 'load') await repository.loadIndex(signal)
  return { snapshots, outcome }
}
