import { backupKinds } from '../../model/backup.ts'
import type { Backup, BackupCopy } from '../../model/backup.ts'
import { environments, locationNames, sourceKinds } from '../../model/policy/policy.ts'
import { RowReader } from './row-reader.ts'
import type { Row } from './row-reader.ts'

type Values = readonly (string | number | null)[]

const columns = `id, environment, source, source_kind, kind, generation, policy_digest, run, taken_at, ended_at, tree,
  files, bytes, bytes_added, gaps, removed_at`

/** Changes nothing where the same is there already: EXCEPT takes null for null. */
export const putBackup = `
  INSERT OR REPLACE INTO backups (${columns})
  SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL EXCEPT SELECT ${columns} FROM backups`

export function backupValues(backup: Backup): Values {
  return [
    backup.id,
    backup.environment,
    backup.source,
    backup.sourceKind,
    backup.kind,
    backup.generation,
    backup.policyDigest,
    backup.run,
    backup.takenAt.getTime(),
    backup.endedAt.getTime(),
    backup.tree,
    backup.files,
    backup.bytes,
    backup.bytesAdded,
    backup.gaps,
  ]
}

export function readBackup(row: Row, path: string): Backup {
  const reader = new RowReader(row, `backup "${String(row.id)}" of the catalog "${path}"`)
  return {
    id: reader.id('id'),
    environment: reader.oneOf('environment', environments),
    source: reader.text('source'),
    sourceKind: reader.oneOf('source_kind', sourceKinds),
    kind: reader.oneOf('kind', backupKinds),
    generation: reader.count('generation'),
    policyDigest: reader.text('policy_digest'),
    run: reader.text('run'),
    takenAt: reader.date('taken_at'),
    endedAt: reader.date('ended_at'),
    tree: reader.id('tree'),
    files: reader.count('files'),
    bytes: reader.count('bytes'),
    bytesAdded: reader.count('bytes_added'),
    gaps: reader.count('gaps'),
  }
}

export const putCopy = `
  INSERT INTO copies (backup, location, stored_at) VALUES (?, ?, ?)
  ON CONFLICT (backup, location) DO UPDATE SET stored_at = excluded.stored_at WHERE stored_at <> excluded.stored_at`

export function copyValues(copy: BackupCopy): Values {
  return [copy.backup, copy.location, copy.storedAt.getTime()]
}

export function readCopy(row: Row, path: string): BackupCopy {
  const reader = new RowReader(row, `copy of "${String(row.backup)}" of the catalog "${path}"`)
  return {
    backup: reader.id('backup'),
    location: reader.oneOf('location', locationNames),
    storedAt: reader.date('stored_at'),
  }
}
