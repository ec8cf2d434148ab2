import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type ByteName, printableName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import type { LocationName } from '../../model/policy/policy.ts'
import { stepNames } from '../../model/procedures/policy-procedures.ts'
import { filesManifestOfFolder } from '../../operations/files-manifest/manifest-of-folder.ts'
import { findPath } from '../../operations/list/find-path.ts'
import { restore } from '../../operations/restore/restore.ts'
import { TreeReader } from '../../operations/tree-reader.ts'
import { openBackup, type OpenedBackup } from '../restore/open-backup.ts'
import type { ProcedureContext, ProcedureOutcome } from '../runs/procedure-context.ts'
import type { StepRunner } from '../step-runner.ts'
import { locateFiles, type LocatedFiles } from './locate-files.ts'
import { moveIntoPlace, type MovedFile, temporaryPlaces, type TemporaryPlace } from './move-into-place.ts'

export { type MovedFile, putFilesBack } from './move-into-place.ts'

/** What is asked for. Plain JSON. */
export interface FileRestoreOrder {
  readonly source: string
  /** Absolute paths, or patterns with "*", "?" and "**". */
  readonly paths: readonly string[]
  /** `latest` for the newest backup that holds all of them, or the beginning of a backup's id. */
  readonly backup: string
  readonly location?: LocationName
  /** Only files whose content holds this text, UTF-8; where no path is given, of all that the source has. */
  readonly containing?: string
  /** Only files whose content has this SHA-256, 64 hex digits; where no path is given, of all that the source has. */
  readonly sha256?: string
}

export const fileRestoreSteps = stepNames('file-restore')

const toldMax = 20

/**
 * File system restore, step by step as the policy document has it. Each step may run twice. What stood in the place of what is
 * restored is moved aside and stays.
 *
 * Crash order: until the last step nothing in production is touched; in it each entry has its own commit point, see
 * moveIntoPlace().
 */
export async function fileRestore(
  context: ProcedureContext,
  order: FileRestoreOrder,
  step: StepRunner,
): Promise<ProcedureOutcome> {
  const [identify, locate, restoreStep, verify, move] = fileRestoreSteps
  const wanted = await step(identify!, async () => identifyFiles(context, order))
  const located = await step(locate!, (signal) => locateFiles(context, { ...order, paths: wanted.paths }, signal))
  const places = await step(restoreStep!, (signal) => restoreAside(context, located, signal))
  const verified = await step(verify!, (signal) => verifyAside(context, located, places, signal))
  const { moved } = await step(move!, async () => {
    const all = located.entries.map((path) => moveIntoPlace({ path, id: context.id, place: placeOf(places, path) }))
    for (const { folder } of places) rmSync(folder, { recursive: true, force: true })
    return { moved: all }
  })
  return {
    isProven: true,
    summary: summaryOf(order.source, located, moved),
    gaps: located.unsearched ?? [],
    facts: {
      source: order.source,
      backup: located.backup,
      takenAt: located.takenAt,
      location: located.location,
      unsearched: [...(located.unsearched ?? [])],
      entries: verified.entries,
      files: verified.files,
      bytes: verified.bytes,
      moved: moved.map((one) => ({ ...one })),
    },
  }
}

/** Touches nothing. Failure `usage`. */
export function identifyFiles(
  { installation: { policy, locations } }: Pick<ProcedureContext, 'installation'>,
  { source, paths: given, location, containing, sha256 }: FileRestoreOrder,
): { readonly paths: readonly string[] } {
  const known = Object.hasOwn(policy.sources, source) ? policy.sources[source] : undefined
  if (known?.kind !== 'files') {
    const found = known === undefined ? 'the policy has no source of this name' : `it is a source of ${known.kind}`
    throw new Failure('usage', `Cannot restore files of "${source}": ${found}, expected one of files`)
  }
  if (location !== undefined) locations.placeOf(location)
  if (containing === '')
    throw new Failure('usage', `Cannot restore files of "${source}": the content to look for is empty`)
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new Failure('usage', `Cannot restore files of "${source}": "${sha256}" is no SHA-256, expected 64 hex digits`)
  }
  const paths = given.length === 0 && (containing ?? sha256) !== undefined ? known.paths : given
  const relative = paths.find((path) => !path.startsWith('/'))
  if (paths.length === 0 || relative !== undefined) {
    const found = relative === undefined ? 'no path is given' : `"${relative}" is not absolute`
    throw new Failure(
      'usage',
      `Cannot restore files of "${source}": ${found}, expected paths as they are in production`,
    )
  }
  return { paths }
}

function summaryOf(source: string, { backup, entries }: LocatedFiles, moved: readonly MovedFile[]): string {
  const notAtomic = moved.filter(({ atomic }) => !atomic).map(({ path }) => printableName(path))
  const told = notAtomic.slice(0, toldMax).join(', ')
  const how = notAtomic.length === 0 ? 'each at once' : `these by two renames, so absent for a moment: ${told}`
  return `${entries.length} entries of ${source} are as backup ${backup.slice(0, 8)} has them; moved ${how}`
}

function placeOf(places: readonly TemporaryPlace[], path: ByteName): string {
  return join(places.find(({ entries }) => entries.includes(path))!.folder, path)
}

async function withLocated<Answer>(
  { installation, watch }: ProcedureContext,
  located: LocatedFiles,
  signal: AbortSignal,
  work: (opened: OpenedBackup) => Promise<Answer>,
): Promise<Answer> {
  const backup = (await installation.catalog.backups()).find(({ id }) => id === located.backup)
  if (backup === undefined) {
    throw new Failure(
      'snapshot_missing',
      `Cannot restore backup "${located.backup.slice(0, 8)}": it was removed meanwhile`,
    )
  }
  await using opened = await openBackup(installation, { backup, location: located.location }, watch, signal)
  return await work(opened)
}

async function restoreAside(
  context: ProcedureContext,
  located: LocatedFiles,
  signal: AbortSignal,
): Promise<readonly TemporaryPlace[]> {
  const { installation, id, watch } = context
  const places = temporaryPlaces(located.entries, { workFolder: installation.workFolder, id })
  await withLocated(context, located, signal, async ({ repository, snapshot, signal: locked }) => {
    for (const { folder, entries } of places) {
      const report = await restore(
        {
          repository,
          tree: snapshot.tree,
          target: folder,
          selection: { include: entries.map(literalPattern), exclude: [] },
          overwrite: 'always',
          sparse: true,
          dryRun: false,
          verify: false, // All is read back in the next step, by other code.
        },
        { clock: installation.clock, progress: watch.progress },
        locked,
      )
      const [problem] = report.problems
      if (problem !== undefined) {
        throw new Failure(problem.code, `Cannot restore "${printableName(problem.path)}": ${problem.detail}`)
      }
    }
  })
  return places
}

/** A path as a pattern that matches it and nothing else. */
function literalPattern(path: ByteName): string {
  return path.replaceAll(/[\\*?[\]!#$~ ]/g, '\\$&')
}

async function verifyAside(
  context: ProcedureContext,
  located: LocatedFiles,
  places: readonly TemporaryPlace[],
  signal: AbortSignal,
): Promise<{ readonly entries: number; readonly files: number; readonly bytes: number }> {
  return await withLocated(context, located, signal, async ({ repository, snapshot, signal: locked }) => {
    const reader = new TreeReader(repository)
    const trees = { loadTree: reader.tree.bind(reader) }
    let files = 0
    let bytes = 0
    for (const path of located.entries) {
      const found = await findPath(trees, snapshot.tree, path, locked)
      if (found.kind === 'root') throw new Failure('usage', 'Cannot restore "/": expected paths of the source')
      const restored = placeOf(places, path)
      const proof = await filesManifestOfFolder(
        {
          folder: restored.slice(0, restored.lastIndexOf('/')),
          nodes: [found.node],
          trees,
          surplus: 'ignored',
          index: repository.index,
        },
        locked,
      )
      const [difference] = proof.differences
      if (difference !== undefined) {
        throw new Failure(
          'not_proven',
          `Cannot prove "${printableName(path)}": ${printableName(difference.path)}: ${difference.detail}`,
        )
      }
      files += proof.manifest.files
      bytes += proof.manifest.bytes
    }
    return { entries: located.entries.length, files, bytes }
  })
}
