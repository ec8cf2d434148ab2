import { join, resolve } from 'node:path'
import { Failure } from '../../../base/failure.ts'
import { parseRecoveryTarget } from '../../../operations/recover/recovery-target.ts'
import { walSpoolFolder } from '../../../operations/wal/wal-spool.ts'
import { onRecord } from '../../../procedures/on-record.ts'
import {
  type RecoveredSource,
  type RecoverOrder,
  recoverSource,
} from '../../../procedures/postgresql/recover-source.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { OpenedPolicy } from '../../access/open-policy.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatDuration } from '../../output/format-duration.ts'
import { newRunId } from './new-run-id.ts'
import { parseTablespaceMap, parseTimeline, type RecoveryOptions, sourceOfWords } from './recovery-options.ts'
import { watching } from './watching.ts'

export interface RecoverWords extends RecoveryOptions {
  readonly words: readonly [string, string]
  readonly to: string
  readonly into: string
  readonly location?: unknown
}

/** Recovers a PostgreSQL source to a point in time. */
export async function runRecover(context: CommandContext, wanted: RecoverWords): Promise<Outcome> {
  const { world, signal } = context
  if (wanted.location !== undefined) {
    throw new Failure('usage', 'Cannot recover from one location only: whatever is whole is taken, wherever it is', {
      facts: { hint: 'Leave out --location' },
    })
  }
  const target = parseRecoveryTarget(wanted.to)
  await using opened = await openInstallation(context)
  const { installation } = opened
  const source = sourceOfWords(wanted.words, Object.keys(installation.policy.sources))
  const order: RecoverOrder = {
    source,
    target,
    timeline: parseTimeline(wanted.timeline),
    into: resolve(world.workingDirectory, wanted.into),
    owner: wanted.owner,
    tablespaces: parseTablespaceMap(wanted.tablespaceMap),
    end: wanted.promote === true ? 'promoted' : 'paused',
    start:
      wanted.start !== false
        ? { when: 'now' }
        : { when: 'never', restoreCommand: (system) => restoreCommand(opened.opened, { source, system }) },
  }
  await using watch = watching(context)
  const run = { id: newRunId(world.random), procedure: 'restore', trigger: 'person', source } as const
  const recovered = await onRecord(installation, run, async () => {
    const answer = await recoverSource(installation, order, watch, signal)
    const how = answer.server === undefined ? 'made ready, not started' : `verified, ${answer.server.state}`
    const summary = `recovered to ${answer.target} from ${answer.backup.slice(0, 8)}: ${how}`
    return { answer, summary, gaps: [] }
  })
  await watch.end()
  tell(context, recovered)
  return 'done'
}

/** For a server that somebody else starts: this program, under this policy. */
function restoreCommand(
  { path, policy }: Pick<OpenedPolicy, 'path' | 'policy'>,
  { source, system }: { readonly source: string; readonly system: string },
): string {
  const spool = join(walSpoolFolder(policy.state, source), system)
  return `zakops-backup --policy ${shellWord(path)} wal fetch --source ${source} --spool ${shellWord(spool)} %f %p`
}

/** PostgreSQL takes "%" for its own, and hands the rest to a shell. */
function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`).replaceAll('%', '%%')}'`
}

function tell({ output }: CommandContext, recovered: RecoveredSource): void {
  const { server } = recovered
  if (output.json) {
    output.document({
      message_type: 'recovered',
      source: recovered.source,
      target: recovered.target,
      into: recovered.into,
      snapshot_id: recovered.backup,
      timeline: recovered.timeline,
      state: server?.state ?? 'not started',
      sandbox: server?.name ?? null,
      url: server?.url ?? null,
      server_version: server?.version ?? null,
      lsn: server?.lsn ?? null,
      last_transaction_end: server?.lastEnd ?? null,
      server_said: server?.said ?? null,
      total_duration: recovered.durationMs / 1000,
    })
    return
  }
  const from = `from backup ${recovered.backup.slice(0, 8)}, timeline ${recovered.timeline}`
  output.line(
    `recovered ${recovered.source} to ${recovered.target} ${from}, in ${formatDuration(recovered.durationMs / 1000)}`,
  )
  output.line(`data folder   ${recovered.into}`)
  if (server === undefined) {
    output.line('Nobody has verified that the target is hit: the server that you start there replays up to it.')
    output.line('Before you start it: archive_mode must not reach the archive of production.')
    return
  }
  output.line(`verified      the server stopped there: ${server.said}`)
  const last = server.lastEnd === undefined ? '' : `, last transaction of ${server.lastEnd}`
  output.line(`position      ${server.lsn}${last}`)
  output.line(
    `state         ${server.state === 'paused' ? 'paused: it answers questions and can not be written to' : 'promoted: it can be written to'}`,
  )
  output.line(`connect       psql '${server.url}'`)
  output.line(`end it        zakops-backup sandbox stop ${server.name}   (the data folder stays)`)
}
