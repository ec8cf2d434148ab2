import { basename, dirname, join, resolve } from 'node:path'
import { Failure } from '../../../base/failure.ts'
import type { LocationName } from '../../../model/policy/policy.ts'
import { walFetch, walFetchExitCodes, segmentsAfter } from '../../../operations/wal/wal-fetch.ts'
import { WalArchive } from '../../../operations/wal/wal-archive.ts'
import { WalSpool, walSpoolFolder } from '../../../operations/wal/wal-spool.ts'
import { openWalArchive } from '../../../procedures/postgresql/open-wal-archive.ts'
import { readControlFile } from '../../../sources/postgresql/control-file.ts'
import { parseWalName } from '../../../sources/postgresql/wal-name.ts'
import { requirePostgresql } from '../../../procedures/postgresql/physical-backups.ts'
import { requireAbsence } from '../../../procedures/postgresql/require-absence.ts'
import { openInstallation } from '../../access/open-installation.ts'
import { openPolicy } from '../../access/open-policy.ts'
import type { CommandContext } from '../../command-entry.ts'
import { describeFailure, failureDocument, failureText } from '../../describe-failure.ts'
import type { CommandExit } from '../../outcome.ts'
import { onlyPostgresql } from './only-postgresql.ts'

interface WantedFile {
  readonly name: string
  readonly path: string
  readonly source: string | undefined
  /** The folder of segments that were fetched ahead; the policy's state folder has one where it is not given. */
  readonly spool: string | undefined
  /** The only one to ask. */
  readonly location: LocationName | undefined
}

/** So many segments are fetched besides one that was not there yet: the server asks for them next. */
const aheadMax = 15

/** What restore_command calls. Every failure ends with an exit code by which PostgreSQL stops, and does not go on without the file. */
export async function runWalFetch(context: CommandContext, wanted: WantedFile): Promise<CommandExit> {
  try {
    return { exitCode: walFetchExitCodes[await fetchFile(context, wanted)] }
  } catch (error) {
    const { output } = context
    const report = describeFailure(error)
    output.aside(output.json ? JSON.stringify(failureDocument(report)) : failureText(report))
    return { exitCode: walFetchExitCodes.failed }
  }
}

/** bin/zakops-backup takes segments out of it by name alone, so it must be that of one system. */
function spoolParent(
  { world }: CommandContext,
  { spool }: WantedFile,
  { systemIdentifier, usual }: { readonly systemIdentifier: string; readonly usual: string },
): string {
  if (spool === undefined) return usual
  const folder = resolve(world.workingDirectory, spool)
  if (basename(folder) === systemIdentifier) return dirname(folder)
  throw new Failure(
    'usage',
    `Cannot fetch with --spool "${spool}": found folder "${basename(folder)}", expected the system's, "${systemIdentifier}"`,
  )
}

async function fetchFile(context: CommandContext, wanted: WantedFile): Promise<'fetched' | 'absent'> {
  const { world, output, signal } = context
  const { policy } = await openPolicy(context)
  const source = onlyPostgresql(policy, wanted.source)
  const path = resolve(world.workingDirectory, wanted.path)
  // PostgreSQL runs its commands in the data directory.
  const { systemIdentifier, segmentBytes } = await readControlFile(world.workingDirectory)
  const spoolFolder = spoolParent(context, wanted, { systemIdentifier, usual: walSpoolFolder(policy.state, source) })
  const { processId, clock } = world
  const common = { systemIdentifier, processId }
  // Before the keyring is opened, which takes longer than all else.
  using nothing = new WalArchive({ primary: [] }, world)
  const waiting = new WalSpool(spoolFolder, { archive: nothing, ...common })
  if (parseWalName(wanted.name) !== undefined && (await waiting.take(wanted.name, path))) return 'fetched'
  await using opened = await openInstallation(context)
  // A name that the policy has not would find nothing, and a server take that for the end.
  requirePostgresql(opened.installation, source)
  const watch = { notice: (text: string): void => output.notice(text, 'verbose') }
  const asked = { source, use: 'read', ...(wanted.location !== undefined && { location: wanted.location }) } as const
  await using stored = await openWalArchive(opened.installation, asked, watch, signal)
  const { archive } = stored
  const walFolder = join(world.workingDirectory, 'pg_wal')
  const request = { archive, ...common, name: wanted.name, path, segmentBytes, spoolFolder: undefined, walFolder }
  const answer = await walFetch(request, signal)
  if (answer === 'at hand') return 'absent' // The server looks into its own pg_wal next.
  if (answer !== 'fetched') {
    const absent = { source, systemIdentifier, name: wanted.name, segmentBytes, locations: stored.locations }
    await requireAbsence(opened.installation, { ...absent, hasBeginning: answer === 'more at hand' }, signal)
    return 'absent'
  }
  const spool = new WalSpool(spoolFolder, { archive, ...common })
  const names = segmentsAfter(wanted.name, segmentBytes, aheadMax)
  try {
    await spool.keepFilled(names, { aheadMax, idleMsMax: 0 }, clock, signal)
  } catch (error) {
    // The server has what it asked for; what is wrong with a later one is told when that is asked for.
    output.notice(`nothing more was fetched ahead: ${describeFailure(error).message}`, 'verbose')
  }
  return answer
}
