import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../base/failure.ts'
import type { ProcedureParts } from '../../control/procedure-runs.ts'
import type { Watch } from '../../procedures/installation.ts'
import type { CommandContext } from '../command-entry.ts'
import { drillRoot } from './open-drill-root.ts'
import { openInstallation } from './open-installation.ts'
import { Questions } from './questions.ts'

/** What runs of procedures work with. Each has a store of its own, so that no run waits for another or for the service. */
export async function openProcedures(
  context: CommandContext,
  watch: Watch,
  /** Whether the person who typed the command says yes to all that the policy asks for. */
  isConfirmed: boolean,
): Promise<{ readonly parts: ProcedureParts } & AsyncDisposable> {
  const opened = await openInstallation(context)
  const { installation } = opened
  const { world } = context
  const folderOf = (id: string): string => join(installation.policy.state, 'procedures', id)
  const parts: ProcedureParts = {
    installation,
    watch,
    drillRoot: drillRoot(context, installation),
    confirm: (question) => confirm(context, question, isConfirmed),
    openStore: (id) => world.openRuns(folderOf(id)),
    hasStore: async (id) => (await stat(folderOf(id)).catch(() => undefined)) !== undefined,
    removeStore: (id) => rm(folderOf(id), { recursive: true, force: true }),
  }
  return { parts, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() }
}

async function confirm(
  { world }: CommandContext,
  { run, step }: { readonly run: string; readonly step: string },
  isConfirmed: boolean,
): Promise<void> {
  if (isConfirmed) return
  const hint = `Read \`procedure show ${run}\`, then run \`procedure resume ${run} --confirm\``
  if (world.stdin.isTTY !== true) {
    throw new Failure('refused', `Cannot go on to "${step}": the policy wants a person to say yes first`, {
      facts: { hint },
    })
  }
  using questions = new Questions(world, '--confirm')
  const isYes = await questions.ask(`Go on to "${step}" of run ${run}? yes or no`, (line) => {
    if (/^(yes|no)$/i.test(line)) return line.toLowerCase() === 'yes'
    throw new Error('"yes" or "no"')
  })
  if (!isYes) throw new Failure('refused', `Cannot go on to "${step}": the answer was no`, { facts: { hint } })
}
