import { throwIfStopped } from '../base/abort.ts'
import { errorMessage } from '../base/error-message.ts'
import { type FailureCode, isFailure } from '../base/failure.ts'
import type { Policy } from '../model/policy/policy.ts'
import { locationsOf } from '../model/policy/resolve-policy.ts'
import type { Run, RunProcess } from '../model/run.ts'
import { dueOrderOf, durableRunOf, runsOfOrder } from './due-order.ts'
import { dueProcedures } from './due-procedures.ts'
import { type DueRun, dueRuns, runsNeededMs } from './due-runs.ts'
import type { DurableEnd } from './durable-runs.ts'
import type { ServiceParts } from './service-parts.ts'
import { WalReceivers } from './wal-receivers.ts'

/** How long the service sleeps between two looks: a machine that wakes up is at work within this. */
export const lookEveryMs = 30_000

/** More rounds than this in one look would be a program that finds its own work due for ever. */
const roundsMax = 100

/**
 * Does all that is due, until nothing is: first what a process before this one began and did not end, then what the policy
 * has due now. Answers the runs that ended, as the catalog has them. Rejects with Failure `stopped` when the signal is
 * aborted; what was under way then goes on at its step with the next call.
 */
export async function doWhatIsDue(parts: ServiceParts, signal: AbortSignal): Promise<Run[]> {
  const ended: Run[] = []
  for (let round = 0; round < roundsMax; round++) {
    ended.push(...(await workOff(parts, signal)))
    throwIfStopped(signal)
    // Only now: a run that was just taken up again is no lost one, though its first process is dead.
    await giveUpLostRuns(parts)
    const due = await lookUp(parts)
    let started = 0
    for (const one of due) {
      if ((await parts.runs.start(durableRunOf(one))) === 'started') started += 1
    }
    if (started === 0) break
  }
  return ended
}

/**
 * The service: looks what is due at least every half minute and does it, until the signal is aborted; then it resolves,
 * with what was under way left to the next start. Beside, it receives the WAL of sources whose policy says so. Trouble that may pass is told and waited out.
 */
export async function serve(parts: ServiceParts, signal: AbortSignal): Promise<void> {
  await using receivers = new WalReceivers(parts, signal)
  let told: string | undefined
  while (!signal.aborted) {
    try {
      await receivers.adjust()
      await doWhatIsDue(parts, signal)
      told = undefined
    } catch (error) {
      if (signal.aborted) return
      if (!isFailure(error) || fatal.has(error.code)) throw error
      const message = errorMessage(error)
      if (message !== told) parts.tell({ kind: 'trouble', message })
      told = message
    }
    await parts.clock.sleep(lookEveryMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
  }
}

/** What no waiting mends; whoever starts the service is to hear of it. */
const fatal: ReadonlySet<FailureCode> = new Set<FailureCode>(['catalog_unreadable', 'defect', 'unsupported'])

async function workOff(parts: ServiceParts, signal: AbortSignal): Promise<Run[]> {
  const procedures = dueProcedures(parts)
  const ended: Run[] = []
  for (;;) {
    const end = await parts.runs.workOne(procedures, signal)
    if (end === undefined) return ended
    for (const run of await runsOf(parts, end)) {
      parts.tell({ kind: 'ended', run })
      ended.push(run)
    }
  }
}

async function runsOf({ catalog }: ServiceParts, end: DurableEnd): Promise<Run[]> {
  const due = dueOrderOf(end)
  if (due === undefined) return []
  const ids = new Set(runsOfOrder(due).map(({ id }) => id))
  return (await catalog.runs({ procedure: due.procedure })).filter(({ id }) => ids.has(id))
}

/** This process has nothing under way when it looks, so a due run that is said to go on in it does not. */
async function giveUpLostRuns({ catalog, clock, process, isProcessAlive, tell }: ServiceParts): Promise<void> {
  const isOurs = (one: RunProcess): boolean => one.host === process.host && one.processId === process.processId
  const lost = await catalog.loseDeadRuns((one) => !isOurs(one) && isProcessAlive(one), clock.now())
  for (const run of lost) tell({ kind: 'lost', run })
}

async function lookUp({ catalog, clock, readPolicy }: ServiceParts): Promise<DueRun[]> {
  const policy = await readPolicy()
  const now = clock.now()
  const versions = await catalog.policyVersions()
  const runs = await catalog.runs({ since: new Date(now.getTime() - runsNeededMs) })
  return dueRuns({
    policy,
    runs: runs.filter(({ trigger }) => trigger === 'schedule'),
    withoutBackup: await sourcesWithoutBackup(catalog, policy),
    isCopyMissing: await isCopyMissing(catalog, policy),
    inForceSince: versions[0]?.since ?? now,
    now,
  })
}

async function sourcesWithoutBackup(
  catalog: ServiceParts['catalog'],
  { sources, environment }: Policy,
): Promise<Set<string>> {
  const backups = (await catalog.backups()).filter((backup) => backup.environment === environment)
  const has = new Set(backups.map(({ source }) => source))
  return new Set(Object.keys(sources).filter((source) => !has.has(source)))
}

async function isCopyMissing(catalog: ServiceParts['catalog'], policy: Policy): Promise<boolean> {
  if (!locationsOf(policy).some(({ name }) => name === 'secondary')) return false
  const copies = await catalog.copies()
  const atSecondary = new Set(copies.filter(({ location }) => location === 'secondary').map(({ backup }) => backup))
  const backups = await catalog.backups()
  return backups.some(({ id, environment }) => environment === policy.environment && !atSecondary.has(id))
}
