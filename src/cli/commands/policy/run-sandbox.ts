import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../../base/failure.ts'
import { onRecord } from '../../../procedures/on-record.ts'
import { sandboxName } from '../../../procedures/postgresql/sandbox-name.ts'
import {
  isOwnDataFolder,
  startBackupSandbox,
  type StartedSandbox,
} from '../../../procedures/postgresql/start-backup-sandbox.ts'
import { listSandboxes, openSandbox, type SandboxRecord } from '../../../sources/postgresql/sandbox.ts'
import { openInstallation, programPlaces } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatDuration } from '../../output/format-duration.ts'
import { textTable } from '../../output/text-table.ts'
import { newRunId } from './new-run-id.ts'
import { watching } from './watching.ts'

export async function runSandboxStart(
  context: CommandContext,
  wanted: { readonly source: string; readonly backup: string; readonly owner?: string; readonly amcheck?: true },
): Promise<Outcome> {
  const { world, signal } = context
  await using opened = await openInstallation(context)
  const { installation } = opened
  await using watch = watching(context)
  const id = newRunId(world.random)
  const { source, backup } = wanted
  const order = {
    run: id,
    source,
    backup,
    owner: wanted.owner,
    amcheck: wanted.amcheck === true ? 'wanted' : 'none',
  } as const
  const run = { id, procedure: 'restore', trigger: 'person', source } as const
  const started = await onRecord(installation, run, async () => {
    const answer = await startBackupSandbox(installation, order, watch, signal)
    const summary = `private server ${answer.name} on ${answer.backup.slice(0, 8)}: ${answer.outcome}`
    return { answer, summary, gaps: answer.outcome === 'different' ? answer.differences : [] }
  })
  await watch.end()
  tell(context, started)
  return started.outcome === 'different' ? 'damaged' : 'done'
}

export async function runSandboxStop(context: CommandContext, name: string): Promise<Outcome> {
  const { world, output } = context
  const all = await sandboxes(context)
  const found = all.find((one) => nameOf(one) === name)
  if (found === undefined) {
    const names = all.map(nameOf).join(', ') || 'none'
    throw new Failure('usage', `Cannot stop "${name}": there is no private server of this name, only ${names}`)
  }
  await openSandbox(found, world.clock).stop()
  const isOwn = isOwnDataFolder(found.dataFolder)
  if (isOwn) await rm(found.dataFolder, { recursive: true, force: true })
  if (output.json) {
    output.document({ message_type: 'sandbox_stopped', sandbox: name, data_folder: isOwn ? null : found.dataFolder })
  } else output.line(isOwn ? `stopped ${name}, nothing of it is left` : `stopped ${name}; ${found.dataFolder} stays`)
  return 'done'
}

export async function runSandboxList(context: CommandContext): Promise<Outcome> {
  const { output } = context
  const all = await sandboxes(context)
  if (output.json) {
    for (const one of all) {
      output.document({
        message_type: 'sandbox',
        sandbox: nameOf(one),
        state: one.isAlive ? 'running' : 'ended',
        server_version: one.version,
        started_at: one.startedAt,
        data_folder: one.dataFolder,
        url: urlOf(one, context),
      })
    }
    return 'done'
  }
  const columns = [{ title: 'Name' }, { title: 'State' }, { title: 'Version' }, { title: 'Started' }, { title: 'Data' }]
  const rows = all.map((one) => [
    nameOf(one),
    one.isAlive ? 'running' : 'ended',
    one.version,
    one.startedAt.toISOString(),
    one.dataFolder,
  ])
  for (const line of textTable(columns, rows)) output.line(line)
  return 'done'
}

function sandboxes({ world }: CommandContext): ReturnType<typeof listSandboxes> {
  return listSandboxes(programPlaces(world).sharedFolder)
}

function nameOf({ privateFolder }: SandboxRecord): string {
  return sandboxName(join(privateFolder, 'socket'))
}

function urlOf(record: SandboxRecord, { world }: CommandContext): string {
  return openSandbox(record, world.clock).url
}

const outcomeLines = {
  equal: 'proven: rows, schemas, sequences and roles are those of the server when it was backed up',
  different: 'NOT PROVEN: it differs from what was backed up, see above',
  'not compared': 'not compared: its manifest is not exact, or there is none',
} as const

function tell({ output }: CommandContext, started: StartedSandbox): void {
  for (const message of started.differences) output.problem({ during: 'sandbox', item: started.source, message })
  if (output.json) {
    output.document({
      message_type: 'sandbox_started',
      source: started.source,
      snapshot_id: started.backup,
      sandbox: started.name,
      url: started.url,
      server_version: started.version,
      data_folder: started.dataFolder,
      manifest: started.outcome,
      differences: started.differences,
      total_duration: started.durationMs / 1000,
    })
    return
  }
  const when = formatDuration(started.durationMs / 1000)
  output.line(
    `started ${started.name}: PostgreSQL ${started.version} on ${started.source} ${started.backup.slice(0, 8)}, in ${when}`,
  )
  output.line(outcomeLines[started.outcome])
  output.line(`connect  psql '${started.url}'`)
  output.line(`end it   zakops-backup sandbox stop ${started.name}`)
}
