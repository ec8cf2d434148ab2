import type { Clock } from '../../base/clock.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import type { GenerationName } from '../../keys/generation.ts'
import type { KeyEvent } from '../../model/run.ts'

/** Where uses of the keys are put on record, and who uses them. */
export interface KeyRecord {
  readonly catalog: Pick<Catalog, 'addKeyEvent'>
  readonly clock: Pick<Clock, 'now'>
  readonly username: string
  readonly hostname: string
}

/** Puts on record what is done with the keys. `generation` is undefined where it is done with all of them. */
export async function recordKeyEvent(
  { catalog, clock, username, hostname }: KeyRecord,
  kind: KeyEvent['kind'],
  generation?: Pick<GenerationName, 'generation'>,
): Promise<void> {
  const actor = `${username}@${hostname}`
  await catalog.addKeyEvent({ at: clock.now(), kind, generation: generation?.generation, actor })
}
