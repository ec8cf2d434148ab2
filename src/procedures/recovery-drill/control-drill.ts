import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { openBackup } from '../restore/open-backup.ts'
import { readManifest } from '../restore/read-manifest.ts'
import { restorers } from '../restore/restore-source.ts'
import { type NegativeControl, negativeControl } from '../restore-test/negative-control.ts'
import { openTestEnvironment, type TestEnvironment } from '../restore-test/test-environment.ts'
import type { ProcedureContext } from '../runs/procedure-context.ts'
import { type SourceRecovered, type SourceWork, targetFolder } from './source-recovered.ts'

export type DrillControl = NegativeControl & { readonly source: string }

/**
 * Has the comparison shown to find damage: in the smallest source that came back equal; undefined where none did. What stays
 * after the drill is never damaged: of that, the source is restored once more, into a folder that goes away again.
 */
export async function controlDrill(
  context: ProcedureContext,
  { isolated, order, recovered, copies }: ControlWork,
  signal: AbortSignal,
): Promise<DrillControl | undefined> {
  const [smallest] = recovered.filter(({ outcome }) => outcome === 'equal').toSorted((a, b) => a.bytes - b.bytes)
  if (smallest === undefined) return undefined
  const { source } = smallest
  const backup = (await isolated.catalog.backups({ source })).find(({ id }) => id === smallest.backup)
  if (backup === undefined) throw new Failure('defect', `The backup of "${source}" that was restored is gone`)
  await using opened = await openBackup(isolated, { backup, location: 'primary' }, context.watch, signal)
  const expected = await readManifest(opened)
  if (expected === undefined) return undefined
  const isCopy = copies.includes(source)
  const aside = controlFolder(context, { isolated, order, source })
  const folder = isCopy ? targetFolder(isolated, { into: order.into, source, run: context.id }) : aside
  try {
    if (!isCopy) {
      await rm(aside, { recursive: true, force: true }) // Left by the same step, which was killed.
      await mkdir(aside, { recursive: true, mode: 0o700 })
      const restoreOrder = { run: context.id, source, backup: backup.id, location: 'primary', target: aside } as const
      const job = { installation: isolated, opened, order: restoreOrder, watch: context.watch }
      await restorers[backup.sourceKind](job)
    }
    await using environment = await openTestEnvironment({ installation: isolated, opened, source, folder, expected })
    if (!isCopy) await requireEqual(environment, source)
    return { ...(await negativeControl(environment)), source }
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

export interface ControlWork extends Omit<SourceWork, 'source'> {
  readonly recovered: readonly SourceRecovered[]
  /** Sources of which what was restored goes away after the drill. */
  readonly copies: readonly string[]
}

/** Else the comparison would find what was there before the damage. */
async function requireEqual(environment: Pick<TestEnvironment, 'compare'>, source: string): Promise<void> {
  const [difference] = await environment.compare('all')
  if (difference === undefined) return
  throw new Failure(
    'not_proven',
    `Cannot show that the comparison finds damage: "${source}" came back equal once, and not again: ${difference}`,
  )
}

function controlFolder({ id }: ProcedureContext, { isolated, order, source }: SourceWork): string {
  const isServer = isolated.policy.sources[source]?.kind === 'postgresql'
  return isServer ? join(isolated.programs.sharedFolder, `zakops-drill-control-${id}`) : join(order.into, 'control')
}
