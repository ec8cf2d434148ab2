import { mkdir, rm } from 'node:fs/promises'
import { type FailureCode, isFailure } from '../../base/failure.ts'
import type { Backup } from '../../model/backup.ts'
import type { Manifest } from '../../model/manifest.ts'
import type { SqliteSourcePolicy } from '../../model/policy/policy.ts'
import type { Installation } from '../installation.ts'
import { failedAssertions, failedValidations } from '../questions/question-fault.ts'
import { chooseBackup } from '../restore/choose-backup.ts'
import { openBackup, type OpenedBackup } from '../restore/open-backup.ts'
import { readManifest } from '../restore/read-manifest.ts'
import { restorePhases } from '../restore/restore-phases.ts'
import { type RestoredContent, restorers } from '../restore/restore-source.ts'
import { openTestEnvironment } from '../restore-test/test-environment.ts'
import type { ProcedureContext } from '../runs/procedure-context.ts'
import { type SourceRecovered, type SourceWork, targetFolder } from './source-recovered.ts'

const differencesMax = 20

/** What these say of a backup is the result of the drill. */
const findings: ReadonlySet<FailureCode> = new Set<FailureCode>([
  'repository_damaged',
  'object_missing',
  'not_proven',
  'snapshot_missing',
  'database_unreadable',
])

/** Restores the newest backup of a source and compares it; what is found wrong with it is in the answer. May be run twice. */
export async function recoverSource(
  context: ProcedureContext,
  work: SourceWork,
  signal: AbortSignal,
): Promise<SourceRecovered> {
  const { isolated, order, source } = work
  const { clock, catalog, policy } = isolated
  const beginMs = clock.monotonicMs()
  const durationMs = (): number => Math.round(clock.monotonicMs() - beginMs)
  const target = targetFolder(isolated, { into: order.into, source, run: context.id })
  await rm(target, { recursive: true, force: true }) // Left by the same step, which was killed.
  const backups = (await catalog.backups({ source })).filter(({ environment }) => environment === policy.environment)
  if (backups.length === 0) {
    const differences = [`no backup of ${source} is at the location that is left`]
    return { source, outcome: 'lost', backup: null, takenAt: null, bytes: 0, durationMs: durationMs(), differences }
  }
  const backup = chooseBackup(source, backups, 'latest')
  await mkdir(target, { recursive: true, mode: 0o700 })
  return await restoreAndCompare(context, { work, backup, target, durationMs }, signal)
}

async function restoreAndCompare(
  context: ProcedureContext,
  job: {
    readonly work: SourceWork
    readonly backup: Backup
    readonly target: string
    readonly durationMs: () => number
  },
  signal: AbortSignal,
): Promise<SourceRecovered> {
  const { work, backup, target, durationMs } = job
  const { isolated, source } = work
  const known = { source, backup: backup.id, takenAt: backup.takenAt.toISOString() }
  try {
    await using opened = await openBackup(isolated, { backup, location: 'primary' }, context.watch, signal)
    const openMs = durationMs()
    const restoreOrder = { run: context.id, source, backup: backup.id, location: 'primary', target } as const
    const content = await restorers[backup.sourceKind]({
      installation: isolated,
      opened,
      order: restoreOrder,
      watch: context.watch,
    })
    const comparingMs = durationMs()
    const expected = await readManifest(opened)
    const restored = { opened, folder: target, content, expected }
    const { outcome, differences } = await compareRecovered(work, restored, signal)
    const verifyMs = content.verifyMs + durationMs() - comparingMs
    const phases = restorePhases({ durationMs: durationMs(), openMs, verifyMs })
    const told = differences.slice(0, differencesMax)
    const server = expected?.kind === 'postgresql' ? { systemIdentifier: expected.systemIdentifier } : {}
    const { bytes } = content
    return { ...known, ...server, outcome, bytes, durationMs: durationMs(), phases, differences: told }
  } catch (error) {
    if (!isFailure(error) || !findings.has(error.code)) throw error
    return { ...known, outcome: 'different', bytes: 0, durationMs: durationMs(), differences: [error.message] }
  }
}

function questionsOf({ policy }: Installation, source: string): Pick<SqliteSourcePolicy, 'assertions' | 'validations'> {
  const known = policy.sources[source]!
  return { assertions: known.kind === 'files' ? [] : known.assertions, validations: known.validations }
}

/**
 * In what a restored source differs from its manifest and from what the policy asserts of it. Of the validations those are asked
 * that a database answers: by HTTP and command they would ask production.
 */
async function compareRecovered(
  { isolated, source }: SourceWork,
  restored: {
    readonly opened: OpenedBackup
    readonly folder: string
    readonly content: RestoredContent
    readonly expected: Manifest | undefined
  },
  signal: AbortSignal,
): Promise<Pick<RestoredContent, 'outcome' | 'differences'>> {
  const { opened, folder, content, expected } = restored
  if (content.outcome === 'different' || expected === undefined || expected.kind === 'files') return content
  const { assertions, validations } = questionsOf(isolated, source)
  await using environment = await openTestEnvironment({ installation: isolated, opened, source, folder, expected })
  // A SQLite database was compared as it was restored; only a server can tell what is in its files.
  const isCompared = content.outcome === 'equal'
  const found = isCompared ? [] : await environment.compare('all')
  const { ask } = environment
  const faults: string[] = []
  if (ask !== undefined && isCompared) faults.push(...(await failedAssertions(ask, assertions, signal)))
  if (ask !== undefined) faults.push(...(await failedValidations(ask, validations, signal)))
  const differences = [...found, ...faults]
  if (differences.length === 0) return { outcome: 'equal', differences }
  // What a bounded manifest differs in may have come between it and its backup.
  const isBounded = expected.kind === 'postgresql' && expected.view.state === 'bounded' && faults.length === 0
  return { outcome: isBounded ? 'not compared' : 'different', differences }
}
