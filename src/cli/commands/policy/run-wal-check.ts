import { formatTimeUs } from '../../../operations/recover/recovery-target.ts'
import type { CheckedGap } from '../../../operations/wal/check-wal.ts'
import { checkSourceWal, type SourceWalChecked } from '../../../procedures/postgresql/check-source-wal.ts'
import { formatLsn } from '../../../sources/postgresql/lsn.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatBytes } from '../../output/format-bytes.ts'
import { formatCount } from '../../output/format-count.ts'
import { postgresqlSources } from './only-postgresql.ts'

export async function runWalCheck(context: CommandContext, source: string | undefined): Promise<Outcome> {
  const { output, signal } = context
  await using opened = await openInstallation(context)
  const { installation } = opened
  const sources = source === undefined ? postgresqlSources(installation.policy) : [source]
  const watch = { notice: (text: string): void => output.notice(text, 'verbose') }
  let outcome: Outcome = 'done'
  for (const name of sources) {
    const checked = await checkSourceWal(installation, name, 'server', watch, signal)
    tell(context, checked)
    const lacks = checked.timelines.some(({ gaps }) => gaps.length > 0)
    const isSlotWell = checked.slot === undefined || checked.slot.judgement.state === 'well'
    if (lacks || !isSlotWell || checked.unknown.length > 0) outcome = 'gaps'
  }
  return outcome
}

function tell({ output }: CommandContext, { source, timelines, slot, unknown }: SourceWalChecked): void {
  for (const message of unknown) output.problem({ during: 'check the WAL', item: source, message })
  if (slot !== undefined && slot.judgement.state !== 'well') {
    output.problem({ during: 'check the WAL', item: source, message: slot.judgement.message })
  }
  if (output.json) {
    for (const one of timelines) output.document(documentOf(source, one))
    return
  }
  if (timelines.length === 0) output.line(`${source}: no physical snapshot, so there is nothing to recover from yet`)
  for (const one of timelines) {
    const until = one.lastEndUs === undefined ? '' : `, last transaction of ${formatTimeUs(one.lastEndUs)}`
    const behind = one.behindBytes === undefined ? '' : `, ${formatBytes(one.behindBytes)} behind the server`
    const whole = one.gaps.length === 0 ? 'whole' : formatCount(one.gaps.length, 'gap')
    output.line(
      `${source} timeline ${one.timeline}: ${whole}, ${formatLsn(one.from)} to ${formatLsn(one.end)}, ` +
        `${formatCount(one.segments, 'segment')}${until}${behind}`,
    )
    for (const gap of one.gaps) output.line(`  ${gapText(gap)}`)
  }
}

function gapText({ firstName, lastName, segments, fromUs, toUs }: CheckedGap): string {
  const names = firstName === lastName ? firstName : `${firstName} to ${lastName}`
  const from = fromUs === undefined ? 'the snapshot' : formatTimeUs(fromUs)
  const to = toUs === undefined ? 'later' : formatTimeUs(toUs)
  return `missing: ${names} (${formatCount(segments, 'segment')}): no recovery to a time between ${from} and ${to}`
}

function documentOf(source: string, one: SourceWalChecked['timelines'][number]): Record<string, unknown> {
  return {
    message_type: 'wal_checked',
    source,
    system: one.systemIdentifier,
    timeline: one.timeline,
    from: formatLsn(one.from),
    end: formatLsn(one.end),
    segments: one.segments,
    last_transaction_end: timeOf(one.lastEndUs),
    behind_bytes: one.behindBytes ?? null,
    gaps: one.gaps.map(({ firstName, lastName, segments, fromUs, toUs }) => ({
      first: firstName,
      last: lastName,
      segments,
      from: timeOf(fromUs),
      to: timeOf(toUs),
    })),
  }
}

function timeOf(us: bigint | undefined): string | null {
  return us === undefined ? null : formatTimeUs(us)
}
