import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcedureParts } from '../../control/procedure-runs.ts'
import type { Watch } from '../../procedures/installation.ts'
import type { CommandContext } from '../command-entry.ts'
import { openInstallation } from './open-installation.ts'

/** What runs of procedures work with. Each has a store of its own, so that no run waits for another or for the service. */
export async function openProcedures(
  context: CommandContext,
  watch: Watch,
): Promise<{ readonly parts: ProcedureParts } & AsyncDisposable> {
  const opened = await openInstallation(context)
  const { installation } = opened
  const { world } = context
  const folderOf = (id: string): string => join(installation.policy.state, 'procedures', id)
  const parts: ProcedureParts = {
    installation,
    watch,
    openStore: (id) => world.openRuns(folderOf(id)),
    hasStore: async (id) => (await stat(folderOf(id)).catch(() => undefined)) !== undefined,
    removeStore: (id) => rm(folderOf(id), { recursive: true, force: true }),
  }
  return { parts, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() }
}
