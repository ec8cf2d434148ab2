import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex } from '../../base/hex.ts'
import { Failure, type FailureCode, isFailure } from '../../base/failure.ts'
import type { Backup } from '../../model/backup.ts'
import type { Manifest } from '../../model/manifest.ts'
import type { SourceKind } from '../../model/policy/policy.ts'
import { stepNames } from '../../model/procedures/policy-procedures.ts'
import type { RestorePhases } from '../../model/run.ts'
import { chooseTestBackup, type TestChoice } from '../../model/restore-test/choose-test-backup.ts'
import type { Installation } from '../installation.ts'
import { openBackup, type OpenedBackup } from '../restore/open-backup.ts'
import { readManifest } from '../restore/read-manifest.ts'
import { restorePhases } from '../restore/restore-phases.ts'
import { restorers } from '../restore/restore-source.ts'
import type { ProcedureContext, ProcedureOutcome } from '../runs/procedure-context.ts'
import type { StepRunner } from '../step-runner.ts'
import { type NegativeControl, negativeControl } from './negative-control.ts'
import { openTestEnvironment, type TestEnvironment } from './test-environment.ts'

/** What is asked for. Plain JSON. */
export interface RestoreTestOrder {
  /** Undefined draws one. */
  readonly seed?: string
  /** Tests a backup of this source; of any where it is undefined. */
  readonly source?: string
}

const [select, restoreStep, verify, document] = stepNames('restore-test')
export const negativeControlStep = `${verify!}: negative control`

const differencesMax = 20

interface TestPoint extends TestChoice {
  readonly sourceKind: SourceKind
  /** ISO 8601. */
  readonly takenAt: string
  readonly folder: string
}

interface TestRestored {
  readonly differences: readonly string[]
  readonly files: number
  readonly bytes: number
  readonly durationMs: number
  readonly openMs?: number
  /** Of these it compared so long, which the next step does again. */
  readonly verifyMs?: number
}

interface TestVerified {
  readonly outcome: 'equal' | 'different' | 'not compared'
  readonly differences: readonly string[]
  readonly durationMs: number
}

/**
 * The monthly restore test: a random backup is restored as a whole into a temporary folder and compared with its manifest;
 * then the copy is damaged, and the same comparison must find that, else nothing was measured. Nothing in production is
 * touched. Each step may run twice; the folder is gone at the end, however it ended but by a crash, after which the
 * run goes on.
 */
export async function restoreTest(
  context: ProcedureContext,
  order: RestoreTestOrder,
  step: StepRunner,
): Promise<ProcedureOutcome> {
  const point = await step(select!, () => selectBackup(context, order))
  const restored = await step(restoreStep!, (signal) => restoreCopy(context, point, signal))
  const verified = await step(verify!, (signal) => verifyCopy(context, point, restored, signal))
  const control = await step(negativeControlStep, (signal) => controlCopy(context, point, verified, signal))
  return await step(document!, () => documentResult(context, point, { restored, verified, control }))
}

/** Touches nothing. Failure `snapshot_missing` where there is no backup to test. */
export async function selectBackup(
  { installation, id }: Pick<ProcedureContext, 'installation' | 'id'>,
  { seed, source }: RestoreTestOrder,
): Promise<TestPoint> {
  const { catalog, policy, clock, random } = installation
  if (source !== undefined && !Object.hasOwn(policy.sources, source)) {
    throw new Failure('usage', `Cannot test a restore of "${source}": the policy has no source of this name`)
  }
  const known = (await catalog.backups({ includeRemoved: true })).filter(
    (backup) => backup.environment === policy.environment && Object.hasOwn(policy.sources, backup.source),
  )
  const there = new Set((await catalog.backups()).map((backup) => backup.id))
  const runs = new Set((await catalog.runs({ procedure: 'restore-test' })).map((run) => run.id))
  const choice = chooseTestBackup(
    {
      backups: known.filter((backup) => there.has(backup.id)),
      removed: known.filter((backup) => !there.has(backup.id)),
      copies: await catalog.copies(),
      tests: (await catalog.proofs()).filter(({ run }) => runs.has(run)),
      now: clock.now(),
      ...(source !== undefined && { source }),
    },
    seed ?? toHex(random(8)),
  )
  if (choice === undefined) {
    throw new Failure('snapshot_missing', 'Cannot test a restore: there is no backup', {
      facts: { hint: '`backup` takes one' },
    })
  }
  const { sourceKind, takenAt } = known.find((one) => one.id === choice.backup)!
  return { ...choice, sourceKind, takenAt: takenAt.toISOString(), folder: testFolder(installation, sourceKind, id) }
}

/** A server's files go where the user of the server can come to them. */
function testFolder({ programs, workFolder }: Installation, kind: SourceKind, id: string): string {
  return join(kind === 'postgresql' ? programs.sharedFolder : workFolder, `zakops-restore-test-${safe(id)}`)
}

function safe(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9-]/g, '-')
}

async function withCopy<Answer>(
  { installation, watch }: ProcedureContext,
  { backup: id, location }: TestPoint,
  signal: AbortSignal,
  work: (opened: OpenedBackup, backup: Backup) => Promise<Answer>,
): Promise<Answer> {
  const backup = (await installation.catalog.backups()).find((one) => one.id === id)
  if (backup === undefined) {
    throw new Failure('snapshot_missing', `Cannot test backup "${id.slice(0, 8)}": retention removed it meanwhile`)
  }
  await using opened = await openBackup(installation, { backup, location }, watch, signal)
  return await work(opened, backup)
}

/** What these say of a backup is the result of the test, not a reason to try again. */
const findings: ReadonlySet<FailureCode> = new Set<FailureCode>(['repository_damaged', 'object_missing', 'not_proven'])

async function restoreCopy(context: ProcedureContext, point: TestPoint, signal: AbortSignal): Promise<TestRestored> {
  const { installation, run, watch } = context
  const { clock } = installation
  const { source, folder: target, location } = point
  await rm(target, { recursive: true, force: true }) // Left by the same step, which was killed.
  await mkdir(target, { recursive: true, mode: 0o700 })
  const beginMs = clock.monotonicMs()
  const durationMs = (): number => Math.round(clock.monotonicMs() - beginMs)
  let openMs = 0
  try {
    const content = await withCopy(context, point, signal, async (opened) => {
      openMs = durationMs()
      const order = { run, source, backup: point.backup, location, target }
      return await restorers[point.sourceKind]({ installation, opened, order, watch })
    })
    const { files, bytes } = content
    const times = { durationMs: durationMs(), openMs, verifyMs: Math.round(content.verifyMs) }
    return { files, bytes, differences: content.differences.slice(0, differencesMax), ...times }
  } catch (error) {
    if (!isFailure(error) || !findings.has(error.code)) throw error
    return { files: 0, bytes: 0, differences: [error.message], durationMs: durationMs(), openMs, verifyMs: 0 }
  }
}

async function verifyCopy(
  context: ProcedureContext,
  point: TestPoint,
  restored: TestRestored,
  signal: AbortSignal,
): Promise<TestVerified> {
  const { differences } = restored
  if (differences.length > 0) return { outcome: 'different', differences, durationMs: 0 }
  const { clock } = context.installation
  const beginMs = clock.monotonicMs()
  const found = await inEnvironment(context, point, signal, async (environment, expected) => ({
    differences: await environment.compare('all'),
    isBounded: expected.kind === 'postgresql' && expected.view.state === 'bounded',
  }))
  const durationMs = Math.round(clock.monotonicMs() - beginMs)
  if (found === undefined) return { outcome: 'not compared', differences: ['the backup has no manifest'], durationMs }
  // What a bounded manifest differs in may have come between it and its backup.
  const isBounded = found.isBounded && found.differences.length > 0
  const outcome = found.differences.length === 0 ? 'equal' : isBounded ? 'not compared' : 'different'
  return { outcome, differences: found.differences.slice(0, differencesMax), durationMs }
}

/** Undefined where the copy is not equal: damage proves nothing then. */
async function controlCopy(
  context: ProcedureContext,
  point: TestPoint,
  { outcome }: TestVerified,
  signal: AbortSignal,
): Promise<NegativeControl | undefined> {
  if (outcome !== 'equal') return undefined
  return await inEnvironment(context, point, signal, negativeControl)
}

/** Undefined where the backup has no manifest. */
async function inEnvironment<Answer>(
  context: ProcedureContext,
  point: TestPoint,
  signal: AbortSignal,
  work: (environment: TestEnvironment, expected: Manifest) => Promise<Answer>,
): Promise<Answer | undefined> {
  const { installation } = context
  return await withCopy(context, point, signal, async (opened) => {
    const expected = await readManifest(opened)
    if (expected === undefined) return undefined
    const { source, folder } = point
    await using environment = await openTestEnvironment({ installation, opened, source, folder, expected })
    return await work(environment, expected)
  })
}

/** The proof, where there is one, then the folder goes. A crash in between leaves the folder, which the same step removes. */
async function documentResult(
  { installation, run }: ProcedureContext,
  point: TestPoint,
  found: {
    readonly restored: TestRestored
    readonly verified: TestVerified
    readonly control: NegativeControl | undefined
  },
): Promise<ProcedureOutcome> {
  const { restored, verified, control } = found
  const { folder, backup, source, location, takenAt, seed } = point
  const durationMs = restored.durationMs + verified.durationMs
  const phases = testPhases(restored, verified)
  const isMeasured = verified.outcome === 'different' || control?.outcome === 'rejected'
  const { outcome } = verified
  if (isMeasured && outcome !== 'not compared')
    await addProof(installation, { run, backup, source, location, outcome, durationMs, phases })
  await rm(folder, { recursive: true, force: true })
  const what = `${source} ${backup.slice(0, 8)} of ${takenAt} from the ${location} location, seed ${seed}`
  const gaps = isMeasured ? verified.differences : [notMeasured(verified, control)]
  const told = isMeasured
    ? outcome === 'equal'
      ? 'restored and found equal'
      : 'NOT what was backed up'
    : 'NOT MEASURED'
  return {
    isProven: isMeasured && outcome === 'equal',
    summary: `${told}: ${what}`,
    gaps,
    facts: {
      ...point,
      preferred: [...point.preferred],
      outcome: isMeasured ? outcome : 'not measured',
      differences: [...verified.differences],
      files: restored.files,
      bytes: restored.bytes,
      durationMs,
      negativeControl: control === undefined ? null : { ...control },
    },
  }
}

/** Those of a restore that is compared once. Of a step that an older program did, the parts are not known. */
function testPhases({ durationMs, openMs, verifyMs }: TestRestored, verified: TestVerified): RestorePhases | undefined {
  if (openMs === undefined || verifyMs === undefined) return undefined
  return { ...restorePhases({ durationMs, openMs, verifyMs }), verifyMs: verified.durationMs }
}

function notMeasured({ outcome, differences }: TestVerified, control: NegativeControl | undefined): string {
  if (outcome === 'not compared') return `not measured: ${differences[0] ?? 'it could not be compared'}`
  return `not measured: ${control?.damage ?? 'damage'}, and the comparison did not find it`
}

async function addProof(
  { catalog, clock }: Installation,
  proof: Omit<Parameters<Installation['catalog']['addProof']>[0], 'at'>,
): Promise<void> {
  // A step that runs twice finds the proof of the first time.
  const known = await catalog.proofs({ backup: proof.backup })
  if (known.some(({ run }) => run === proof.run)) return
  await catalog.addProof({ ...proof, at: clock.now() })
}
