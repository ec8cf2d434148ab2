import { Failure } from '../base/failure.ts'
import { backupKinds } from './backup.ts'
import type { Backup } from './backup.ts'
import { parseGoTime } from './go-time.ts'
import { environments, sourceKinds } from './policy/policy.ts'
import type { Snapshot } from './snapshot.ts'

/** What a backup says of itself in its snapshot's tags; all else is in the snapshot's own members. */
export type BackupFacts = Pick<
  Backup,
  'environment' | 'source' | 'sourceKind' | 'kind' | 'policyDigest' | 'run' | 'gaps'
>

const sourceForm = /^[a-z0-9][a-z0-9_-]{0,62}$/
const digestForm = /^[0-9a-f]{16}$/
/** No comma, which restic's command line takes for the end of a tag, and nothing that a terminal or a shell minds. */
const runForm = /^[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}$/
const countForm = /^[1-9]\d{0,14}$/

/** A snapshot that has a tag of one of these keys says that it is a backup of this program; others are foreign. */
const claimingKeys = ['environment', 'policy', 'run']

/** The tags of a backup's snapshot. Failure `defect` where a fact can not be said in one. */
export function tagsOf(facts: BackupFacts): string[] {
  const tags = [
    `environment=${facts.environment}`,
    `source=${facts.source}`,
    `source-kind=${facts.sourceKind}`,
    `kind=${facts.kind}`,
    `policy=${facts.policyDigest.slice(0, 16)}`,
    `run=${facts.run}`,
    ...(facts.gaps === 0 ? [] : [`gaps=${facts.gaps}`]),
  ]
  const read = readFacts(tags)
  if (typeof read === 'string') throw new Failure('defect', `Cannot make the tags of a backup: ${read}`)
  return tags
}

/**
 * The backup that a snapshot of a generation's repository is; undefined for a foreign one. Failure `repository_damaged`
 * where it says that it is one and a tag is missing, twice there or malformed, or the snapshot counts nothing.
 */
export function backupOfSnapshot(snapshot: Snapshot, generation: number): Backup | undefined {
  const tags = snapshot.tags ?? []
  if (!claimingKeys.some((key) => tags.some((tag) => tag.startsWith(`${key}=`)))) return undefined
  const facts = readFacts(tags)
  if (typeof facts === 'string') throw snapshotFault(snapshot, facts)
  const { summary } = snapshot
  if (summary === undefined) throw snapshotFault(snapshot, 'it has no summary, expected the counts of the backup')
  return {
    id: snapshot.id,
    ...facts,
    generation,
    takenAt: dateOf(snapshot.time),
    endedAt: dateOf(summary.backup_end),
    tree: snapshot.tree,
    files: summary.total_files_processed,
    bytes: summary.total_bytes_processed,
    bytesAdded: summary.data_added_packed,
  }
}

function snapshotFault(snapshot: Snapshot, found: string): Failure {
  return new Failure('repository_damaged', `Cannot read snapshot "${snapshot.id}" as a backup: ${found}`, {
    facts: { snapshot: snapshot.id },
  })
}

/** The facts, or what is wrong with the tags. Tags of other keys are anybody's. */
function readFacts(tags: readonly string[]): BackupFacts | string {
  const faults: string[] = []
  const read = <T extends string>(key: string, accepts: (value: string) => value is T, wanted: string): T => {
    const values = tags.filter((tag) => tag.startsWith(`${key}=`)).map((tag) => tag.slice(key.length + 1))
    const [value, ...others] = values
    if (value !== undefined && others.length === 0 && accepts(value)) return value
    const found =
      value === undefined
        ? `no tag "${key}=…"`
        : others.length > 0
          ? `${values.length} tags "${key}=…"`
          : `tag "${key}=${value.slice(0, 80)}"`
    faults.push(`${found}, expected ${wanted}`)
    return '' as T
  }
  const hasGaps = tags.some((tag) => tag.startsWith('gaps='))
  const facts: BackupFacts = {
    environment: read('environment', isOneOf(environments), `one of ${environments.join(', ')}`),
    source: read('source', hasForm(sourceForm), 'the name of a source'),
    sourceKind: read('source-kind', isOneOf(sourceKinds), `one of ${sourceKinds.join(', ')}`),
    kind: read('kind', isOneOf(backupKinds), `one of ${backupKinds.join(', ')}`),
    policyDigest: read('policy', hasForm(digestForm), '16 hexadecimal digits'),
    run: read('run', hasForm(runForm), 'the id of a run'),
    gaps: hasGaps ? Number(read('gaps', hasForm(countForm), 'a count from 1 on')) : 0,
  }
  return faults.length === 0 ? facts : faults.join('; ')
}

function isOneOf<T extends string>(list: readonly T[]): (value: string) => value is T {
  return (value): value is T => list.some((one) => one === value)
}

function hasForm(form: RegExp): (value: string) => value is string {
  return (value): value is string => form.test(value)
}

function dateOf(goTime: string): Date {
  const { seconds, nanoseconds } = parseGoTime(goTime)
  return new Date(seconds * 1000 + Math.floor(nanoseconds / 1_000_000))
}
