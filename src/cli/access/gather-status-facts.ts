import type { KeyObject } from 'node:crypto'
import type { Catalog } from '../../catalog/catalog.ts'
import { isRunProcessAlive } from '../../catalog/run-process.ts'
import { isFailure } from '../../base/failure.ts'
import { requireApart } from '../../keys/require-apart.ts'
import { measuredReplays, serviceTimes, setUpTime } from '../../model/objectives/measured-times.ts'
import { readAlarms } from '../../model/evidence/evidence-alarm.ts'
import { drillFacts } from '../../model/procedures/drill-facts.ts'
import type { Policy } from '../../model/policy/policy.ts'
import { readRecordedPolicy } from '../../model/policy/read-policy.ts'
import type { KeyEvent } from '../../model/run.ts'
import type {
  GenerationFact,
  KeyringFact,
  KitFact,
  LocationFact,
  StatusFacts,
} from '../../model/status/status-facts.ts'
import type { Locations } from '../../operations/locations/locations.ts'
import { ledgerFault, publicKeysOf } from '../../procedures/evidence/sign-ledger.ts'
import { weakerThanInForce } from '../../procedures/bring-into-force.ts'
import type { Installation } from '../../procedures/installation.ts'
import { interruptedRuns } from '../../procedures/runs/interrupted-runs.ts'
import { missingCopies, missingRepositories } from '../../procedures/missing-repositories.ts'
import type { CommandContext } from '../command-entry.ts'
import { locationsOf } from './open-installation.ts'
import { openPolicy } from './open-policy.ts'
import { apartFacts, openPolicyCatalog, openPolicyKeyring } from './policy-keys.ts'

/** Runs that started before are of no clause any more. */
const runsSinceMs = 60 * 86_400_000

/**
 * What the status is told from: the policy, the catalog, the keyring, and whether the locations can be reached. Without
 * the keyring's secret the rest is told all the same, and that the keyring was not opened.
 */
export async function gatherStatusFacts(context: CommandContext): Promise<StatusFacts> {
  const { world, signal } = context
  const { policy, document, path } = await openPolicy(context)
  await using catalog = await openPolicyCatalog(policy, world)
  const now = world.clock.now()
  const backups = (await catalog.backups()).filter(({ environment }) => environment === policy.environment)
  const known = new Set(backups.map(({ id }) => id))
  const versions = await catalog.policyVersions()
  const restores = await catalog.runs({ procedure: 'database-restore' })
  const recoveries = [...restores, ...(await catalog.runs({ procedure: 'point-in-time-recovery' }))]
  // Each backup has steps too, of every day: they are read only where those of a restore are among them.
  const kinds = ['drill', 'lesson', ...(recoveries.length === 0 ? [] : (['step'] as const))] as const
  const evidence = await catalog.evidence({ kinds })
  const { keyring, locations, evidenceKeys, ledgerFault: fault } = await lookAtKeyring(context, { policy, catalog })
  const { ledger } = await catalog.ledgerEnd()
  return {
    policy,
    policyDigest: document.digest,
    notAccepted: weakerThanInForce(versions, { document, path }),
    policySince: versions[0]?.since,
    sourcesSince: sourcesSince(versions),
    backups,
    copies: (await catalog.copies()).filter(({ backup }) => known.has(backup)),
    verifications: await catalog.verifications(),
    proofs: await catalog.proofs(),
    testRuns: new Set((await catalog.runs({ procedure: 'restore-test' })).map(({ id }) => id)),
    sizesOf: new Map(
      (await catalog.backups({ includeRemoved: true })).map(({ id, bytes, files }) => [id, { bytes, files }]),
    ),
    walStands: await catalog.walStands(),
    replays: measuredReplays(evidence, recoveries),
    serviceMs: serviceTimes(evidence, restores),
    setUpMs: setUpTime(evidence),
    // A run whose process died goes on in the record only.
    runs: (await runsOf(catalog, now)).map((run) =>
      run.state !== 'running' || isRunProcessAlive(run.process, world.hostname)
        ? run
        : { ...run, state: 'lost', endedAt: now },
    ),
    drills: drillFacts(evidence),
    interrupted: await interruptedRuns(catalog, (process) => isRunProcessAlive(process, world.hostname)),
    keyring,
    // Where the keyring does not open, no acknowledgement can be verified, and none counts.
    alarms: readAlarms(await catalog.evidence({ kinds: ['alarm', 'acknowledgement'] }), {
      environment: policy.environment,
      ledger,
      keys: evidenceKeys,
    }),
    ledgerFault: fault,
    kit: kitFact(await catalog.keyEvents()),
    algorithm: 'AES-256',
    locations: await reach({ locations, catalog, policy, generations: generationsToLookAt(keyring) }, signal),
    now,
  }
}

function kitFact(events: readonly KeyEvent[]): KitFact {
  const last = (kind: KeyEvent['kind']): Date | undefined => events.findLast((event) => event.kind === kind)?.at
  return { createdAt: last('kit created'), testedAt: last('kit tested') }
}

/** Those of the last weeks, and the newest of each procedure and source whenever it was. */
async function runsOf(catalog: Catalog, now: Date): Promise<StatusFacts['runs']> {
  const runs = await catalog.runs()
  const newest = new Map(runs.map((run) => [`${run.procedure} ${run.source ?? ''}`, run.id]))
  const last = new Set(newest.values())
  const since = now.getTime() - runsSinceMs
  return runs.filter(({ id, startedAt, state }) => startedAt.getTime() >= since || state === 'running' || last.has(id))
}

/** When each source first stood in a version of the policy after the first one. */
function sourcesSince(versions: Awaited<ReturnType<Catalog['policyVersions']>>): Record<string, Date> {
  const since: Record<string, Date> = {}
  for (const { text, since: at } of versions) {
    for (const name of namesIn(text)) since[name] ??= at
  }
  return since
}

function namesIn(text: string): string[] {
  try {
    return Object.keys(readRecordedPolicy(text, '/policy').sources)
  } catch (error) {
    if (!isFailure(error, 'policy_invalid')) throw error
    return [] // Of an older form; it says nothing of when a source came.
  }
}

async function lookAtKeyring(
  context: CommandContext,
  { policy, catalog }: Pick<Installation, 'policy' | 'catalog'>,
): Promise<{
  readonly keyring: KeyringFact
  readonly locations: Locations
  readonly evidenceKeys: ReadonlyMap<string, KeyObject>
  readonly ledgerFault: string | undefined
}> {
  const path = policy.encryption.keyManagement.keyring
  try {
    using keyring = await openPolicyKeyring(policy, context)
    const generations = keyring.generations
      .filter(({ environment }) => environment === policy.environment)
      .map(({ generation, createdAt, state }): GenerationFact => ({ generation, createdAt, state }))
    return {
      keyring: await apartness(policy, path, generations),
      locations: locationsOf(context, policy, keyring),
      evidenceKeys: publicKeysOf(keyring),
      ledgerFault: (await ledgerFault({ environment: policy.environment, catalog, keyring }, context.signal))?.message,
    }
  } catch (error) {
    if (!isFailure(error)) throw error
    const keyring = { state: 'unopened', path, message: error.message } as const
    return {
      keyring,
      locations: locationsOf(context, policy, undefined),
      evidenceKeys: new Map(),
      ledgerFault: undefined,
    }
  }
}

async function apartness(policy: Policy, path: string, generations: readonly GenerationFact[]): Promise<KeyringFact> {
  try {
    await requireApart(apartFacts(policy))
    return { state: 'apart', path, generations }
  } catch (error) {
    if (!isFailure(error, 'refused')) throw error
    return { state: 'together', path, with: error.message, generations }
  }
}

interface Reach extends Pick<Installation, 'locations' | 'catalog' | 'policy'> {
  readonly generations: readonly number[]
}

async function reach(installation: Reach, signal: AbortSignal): Promise<LocationFact[]> {
  const { locations } = installation
  const facts: LocationFact[] = []
  for (const name of locations.names) {
    try {
      await locations.requireReachable(name, signal)
      const missing = missingCopies(await missingRepositories(installation, name, signal))
      const gone = `the ${name} location "${locations.placeOf(name)}" lacks ${missing} backups that were stored there: mount it, or run \`heal\``
      const holdsUnknown = await hasUnknown(installation, name, signal)
      facts.push({ name, unreachable: missing === 0 ? undefined : gone, holdsUnknown })
    } catch (error) {
      if (signal.aborted || !isFailure(error)) throw error
      facts.push({ name, unreachable: error.message })
    }
  }
  return facts
}

/** Where backups may lie of which nothing is on record: in every generation that the keyring has, or had. */
function generationsToLookAt(keyring: KeyringFact): readonly number[] {
  if (keyring.state !== 'unopened') return keyring.generations.map(({ generation }) => generation)
  return Array.from({ length: generationsGuessed }, (_, at) => at + 1)
}

/**
 * A keyring that does not open tells no generations, and a storage does not list them: the first so many are looked at, one a year.
 * What lies in later ones is told when the keyring opens, which the clause of the keys asks for.
 */
const generationsGuessed = 20

/** Whether snapshots lie at a location, in one of these generations, although no backup is on record. */
async function hasUnknown(
  { locations, catalog, policy, generations }: Reach,
  location: LocationFact['name'],
  signal: AbortSignal,
): Promise<boolean> {
  const known = (await catalog.backups()).some(({ environment }) => environment === policy.environment)
  if (known) return false
  for (const generation of generations) {
    if (!(await locations.has({ location, generation }, signal))) continue
    await using storage = await locations.opened({ location, generation }, signal)
    for await (const _ of storage.inside.list('snapshots/', signal)) return true
  }
  return false
}
