import { resolve } from 'node:path'
import { Failure } from '../../../base/failure.ts'
import { writeNewFile } from '../../../keys/write-new-file.ts'
import type { EvidenceEntry } from '../../../model/evidence/evidence-entry.ts'
import type { SignedHead } from '../../../model/evidence/signed-head.ts'
import { verifyExport } from '../../../model/evidence/verify-export.ts'
import { policyStatus } from '../../../model/status/policy-status.ts'
import { compareHeads, gatherHeads } from '../../../procedures/evidence/compare-heads.ts'
import { exportEvidence } from '../../../procedures/evidence/export-evidence.ts'
import { isUnfinished, periodOf, type ReportPeriod, requireBegun } from '../../../procedures/report/report-period.ts'
import { reportPage } from '../../../procedures/report/report-page.ts'
import { gatherStatusFacts } from '../../access/gather-status-facts.ts'
import { openInstallation } from '../../access/open-installation.ts'
import { printPdf } from '../../access/print-pdf.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'

export interface ReportOptions {
  readonly month?: string
  readonly year?: string
  readonly drill?: string
  readonly to: string
  readonly pdf?: true
}

export async function runEvidenceReport(context: CommandContext, options: ReportOptions): Promise<Outcome> {
  const { output, world, signal } = context
  requireOnePeriod(options)
  const path = resolve(world.workingDirectory, options.to)
  const status = policyStatus(await gatherStatusFacts(context))
  await using opened = await openInstallation(context)
  const { installation, keyring } = opened
  const { catalog, clock, policy } = installation
  const { heads, ledgerFault, headsCompared, verified } = await verifiedHeads(context, opened)
  // Of a sound ledger those that were verified, and none that came since.
  const entries = await catalog.evidence(verified === undefined ? {} : { first: verified })
  const { ledger } = await catalog.ledgerEnd()
  const at = clock.now()
  const period = chosenPeriod(options, entries)
  requireBegun(period, at)
  const page = reportPage({
    period,
    at,
    programVersion: world.version,
    status,
    objectives: policy.objectives,
    responsibilities: policy.responsibilities,
    entries,
    heads,
    ledger,
    keys: keyring.evidenceKeys.map(({ id }) => id),
    ledgerFault,
    headsCompared,
  })
  await writeNewFile(path, Buffer.from(page), 'report')
  const pdf = options.pdf === true ? await printPdf(path, { ...world, signal }) : undefined
  if (output.json)
    output.document({
      message_type: 'evidence_report',
      path,
      pdf,
      finished: !isUnfinished(period, at),
      state: status.state,
      fault: ledgerFault,
    })
  else output.line(pdf === undefined ? `report: ${path}` : `report: ${path} and ${pdf}`)
  if (isUnfinished(period, at))
    output.notice(`${period.title} is not finished: the report tells of it until now, and says so`)
  if (ledgerFault !== undefined) output.problem({ during: 'verify ledger', item: 'ledger', message: ledgerFault })
  return ledgerFault === undefined ? 'done' : 'damaged'
}

interface VerifiedLedger {
  readonly heads: readonly SignedHead[]
  readonly ledgerFault: string | undefined
  readonly headsCompared: readonly string[]
  /** How many entries were verified; undefined where they are not as they were recorded. */
  readonly verified: number | undefined
}

/**
 * The ledger is verified as an auditor would, and compared with the heads at the locations, which a catalog that was set
 * back has against it. One that was changed is reported as such, not kept from being reported.
 */
async function verifiedHeads(
  { signal }: CommandContext,
  { installation, keyring }: Awaited<ReturnType<typeof openInstallation>>,
): Promise<VerifiedLedger> {
  const { catalog, clock, locations, policy } = installation
  try {
    const signer = { environment: policy.environment, catalog, keyring, clock }
    const gathered = await gatherHeads(locations, signal)
    const { lines, heads } = await exportEvidence(signer, signal)
    const keys = keyring.evidenceKeys.map(({ publicKey }) => publicKey)
    const verified = verifyExport(Buffer.from(`${lines.join('\n')}\n`), keys)
    if (verified.state === 'broken') {
      return { heads, ledgerFault: verified.fault.message, headsCompared: [], verified: undefined }
    }
    const { said, faults } = compareHeads(gathered, verified, keys)
    const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
    const ledgerFault = faults.length === 0 ? undefined : `${faults[0]}${more}`
    return { heads, ledgerFault, headsCompared: said, verified: verified.entries.length }
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'not_proven') throw error
    return { heads: await catalog.heads(), ledgerFault: error.message, headsCompared: [], verified: undefined }
  }
}

function requireOnePeriod({ month, year, drill }: ReportOptions): void {
  const given = [month, year, drill].filter((one) => one !== undefined).length
  if (given !== 1) throw new Failure('usage', 'Cannot write a report: expected one of --month, --year and --drill')
  if (month !== undefined && !/^\d{4}-\d\d$/.test(month))
    throw new Failure('usage', `Cannot write a report: "${month}" is no month such as 2026-11`)
  if (year !== undefined && !/^\d{4}$/.test(year))
    throw new Failure('usage', `Cannot write a report: "${year}" is no year such as 2026`)
  if (drill === undefined) periodOf(month ?? year!)
}

/** Of a drill: from its first entry to its last, to the whole day. */
function chosenPeriod({ month, year, drill }: ReportOptions, entries: readonly EvidenceEntry[]): ReportPeriod {
  if (drill === undefined) return periodOf(month ?? year!)
  const times = entries.filter(({ facts }) => facts['run'] === drill).map(({ at }) => at.getTime())
  if (!entries.some(({ kind, facts }) => kind === 'drill' && facts['run'] === drill)) {
    const known = entries.filter(({ kind }) => kind === 'drill').map(({ facts }) => String(facts['run']))
    const found = known.length === 0 ? 'no drill is on record' : `drills on record: ${known.join(', ')}`
    throw new Failure('usage', `Cannot report on drill "${drill}": ${found}`)
  }
  const dayMs = 86_400_000
  const floor = (ms: number): number => Math.floor(ms / dayMs) * dayMs
  const [first, last] = [Math.min(...times), Math.max(...times)]
  return {
    kind: 'drill',
    title: `Recovery drill ${drill}`,
    from: new Date(floor(first)),
    until: new Date(floor(last) + dayMs),
  }
}
