/** The procedures of the policy document, which are run step by step. */
export const policyProcedureNames = [
  'database-restore',
  'point-in-time-recovery',
  'file-restore',
  'restore-test',
  'recovery-drill',
] as const
export type PolicyProcedureName = (typeof policyProcedureNames)[number]

/** A step in the words of the policy document, and what this program does in it. */
export interface StepText {
  readonly name: string
  readonly does: string
}

export interface PolicyProcedure {
  /** The heading that it stands under in the policy document. */
  readonly title: string
  readonly summary: string
  /** In their order. A run may have further steps within one of these, named "<step>: <part>". */
  readonly steps: readonly StepText[]
}

/** Names and order of the steps are those of the policy document; they are on disk with the runs, so they stay. */
export const policyProcedures: Readonly<Record<PolicyProcedureName, PolicyProcedure>> = {
  'database-restore': {
    title: 'Database Restore',
    summary: 'put a database back from a backup',
    steps: [
      { name: 'Identify the backup point to restore', does: 'chooses the backup and the copy of it' },
      {
        name: 'Verify backup integrity (checksum)',
        does: 'reads every object that the backup needs and compares its SHA-256',
      },
      { name: 'Stop dependent services', does: 'runs the stop command of each service of the source' },
      {
        name: 'Restore database from backup',
        does: 'restores beside, moves the old data aside, and puts the new into its place',
      },
      { name: 'Verify data integrity', does: 'compares what is there now with the manifest of the backup' },
      { name: 'Restart services', does: 'runs the start commands in the opposite order, and the health checks' },
      { name: 'Validate application functionality', does: 'runs the health checks and validations of the source' },
    ],
  },
  'point-in-time-recovery': {
    title: 'Point-in-Time Recovery',
    summary: 'recover a PostgreSQL server to a moment',
    steps: [
      { name: 'Identify target timestamp', does: 'finds out whether the stored log reaches the target' },
      { name: 'Restore from last full backup before target', does: 'restores the last backup before it into a folder' },
      { name: 'Apply transaction logs to target time', does: 'replays the stored log up to the target' },
      { name: 'Verify recovered data', does: 'verifies where the server stands, and what the policy asserts' },
    ],
  },
  'file-restore': {
    title: 'File System Restore',
    summary: 'put files back from a backup',
    steps: [
      { name: 'Identify files to restore', does: 'takes the paths and patterns' },
      { name: 'Locate appropriate backup', does: 'finds the newest backup that holds them' },
      { name: 'Restore to temporary location', does: 'restores them into a folder of its own' },
      { name: 'Verify file integrity', does: 'reads them back and compares them with the backup' },
      { name: 'Move to production location', does: 'moves each into its place, and what was there aside' },
    ],
  },
  'restore-test': {
    title: 'Monthly Restore Tests',
    summary: 'restore a random backup to a test environment, and prove it',
    steps: [
      { name: 'Select random backup', does: 'draws a backup and a copy, by a seed that is recorded' },
      { name: 'Perform full restore to test environment', does: 'restores all of it into a temporary folder' },
      {
        name: 'Verify data integrity',
        does: 'compares it with its manifest, then damages it and expects the same comparison to find that',
      },
      { name: 'Document results', does: 'puts the proof on record and removes the temporary folder' },
    ],
  },
  'recovery-drill': {
    title: 'Annual Disaster Recovery Drill',
    summary: 'rehearse the loss of everything but the off-site copy and the keys',
    steps: [
      {
        name: 'Simulate complete data loss',
        does: 'begins in an empty folder with the off-site location and the keys',
      },
      {
        name: 'Execute full recovery procedure',
        does: 'rebuilds the catalog, restores every source and compares it with its manifest',
      },
      {
        name: 'Measure recovery time objective (RTO)',
        does: 'adds up the times, and compares them with the objectives',
      },
      {
        name: 'Document lessons learned',
        does: 'puts the drill on record, and removes what was restored where production has it still; a person adds the lessons afterwards',
      },
    ],
  },
}

/** Whether a run of it changes production, and so can be rolled back. */
export function changesProduction(procedure: string): boolean {
  return procedure === 'database-restore' || procedure === 'file-restore'
}

/** The names of the steps of a procedure, by their place. */
export function stepNames(procedure: PolicyProcedureName): readonly string[] {
  return policyProcedures[procedure].steps.map(({ name }) => name)
}
