import { z } from 'zod'
import { durationSchema } from './duration.ts'

/**
 * The policy: the one definition from which its types, its JSON Schema, its reference page and its errors come. Its
 * words are those of the policy document that it makes true. Lengths of time are milliseconds in the model.
 */

export const environments = ['production', 'staging', 'development'] as const
export type Environment = (typeof environments)[number]

export const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const
export type Weekday = (typeof weekdays)[number]

/** The two places of an environment's backups. */
export const locationNames = ['primary', 'secondary'] as const
export type LocationName = (typeof locationNames)[number]

export const sourceKinds = ['files', 'sqlite', 'postgresql'] as const
export type SourceKind = (typeof sourceKinds)[number]

/** Names of sources and services: they become tags, folder names and arguments. */
const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, {
  error: 'a name of small letters, digits, "-" and "_", at most 63, e.g. "documents"',
})

/** "02:00": an hour and a minute, UTC. */
const timeOfDaySchema = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: 'a time of day in quotes, UTC, such as "02:00"' })

/** Where a secret is: never the secret itself. A bare path is not taken, so that a value can not pass for a reference. */
export const secretReferenceSchema = z.string().regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/s, {
  error: 'a reference to a secret, "env:NAME" or "file:PATH", never the secret itself',
})

/** What is kept: a backup stays while it is one of the last `copies` or younger than `age`, whichever keeps it longer. */
const retentionSchema = z.strictObject({
  copies: z.int().min(1).max(10_000),
  age: durationSchema,
})
export type RetentionRule = z.output<typeof retentionSchema>

const scheduleSchema = z.strictObject({
  full: z.strictObject({
    frequency: z.literal('weekly'),
    day: z.enum(weekdays),
    time: timeOfDaySchema,
    retention: retentionSchema,
  }),
  incremental: z.strictObject({
    frequency: z.literal('daily'),
    time: timeOfDaySchema,
    retention: retentionSchema,
  }),
  snapshots: z.strictObject({
    /** PostgreSQL: snapshots are taken with the daily backup. */
    postgresql: z.literal('daily'),
    /** SQLite: `guard` backs up before an operation. */
    sqlite: z.literal('pre-operation'),
    /** How long backups before operations are kept. */
    retention: retentionSchema,
  }),
})

const locationSchema = z.strictObject({
  /** A folder, or ADAPTER:PLACE. */
  storage: z.string().min(1),
  /** Everything this program stores is encrypted; saying otherwise would be untrue. */
  encrypted: z.literal(true),
})
export type LocationPolicy = z.output<typeof locationSchema>

const environmentLocationsSchema = z.strictObject({
  primary: locationSchema,
  secondary: z.union([locationSchema, z.literal('N/A')]).default('N/A'),
})

const encryptionSchema = z.strictObject({
  algorithm: z.literal('AES-256'),
  keyManagement: z.strictObject({
    /** The file of the keyring; apart from every location and source. */
    keyring: z.string().min(1),
    /** What opens the keyring: a passphrase, or a key file of mode 0600. */
    unlock: z.union([
      z.strictObject({ passphrase: secretReferenceSchema }),
      z.strictObject({ keyFile: z.string().min(1) }),
    ]),
  }),
  keyRotation: z.literal('annually'),
})

const serviceSchema = z.strictObject({
  /** Commands, without a shell: words. */
  stop: z.array(z.string().min(1)).min(1),
  start: z.array(z.string().min(1)).min(1),
  /** Exits 0 where the service is well. */
  health: z.array(z.string().min(1)).min(1).optional(),
  timeout: durationSchema.default(60_000),
})
export type ServicePolicy = z.output<typeof serviceSchema>

const ofEverySource = {
  /** Services that are stopped before this source is restored, in this order, and started again in the opposite one. */
  services: z.array(nameSchema).default([]),
}

const filesSourceSchema = z.strictObject({
  kind: z.literal('files'),
  paths: z.array(z.string().startsWith('/', { error: 'an absolute path' })).min(1),
  /** Patterns in the syntax of gitignore. */
  exclude: z.array(z.string().min(1)).default([]),
  excludeCaches: z.boolean().default(false),
  oneFileSystem: z.boolean().default(false),
  ...ofEverySource,
})
export type FilesSourcePolicy = z.output<typeof filesSourceSchema>

const sqliteSourceSchema = z.strictObject({
  kind: z.literal('sqlite'),
  path: z.string().startsWith('/', { error: 'an absolute path' }),
  ...ofEverySource,
})
export type SqliteSourcePolicy = z.output<typeof sqliteSourceSchema>

const postgresqlSourceSchema = z.strictObject({
  kind: z.literal('postgresql'),
  /** libpq connection URL, without a password: that comes from `password`, ~/.pgpass or the server's trust. */
  url: z
    .string()
    .regex(/^postgres(ql)?:\/\//, { error: 'a connection URL such as "postgresql://backup@localhost:5432/postgres"' }),
  password: secretReferenceSchema.optional(),
  mode: z.enum(['physical', 'logical']).default('physical'),
  /** Tables larger than this, bytes, are sampled by block range in the manifest; the manifest says so. */
  manifestTableBytesMax: z
    .int()
    .min(0)
    .default(10 * 1024 * 1024 * 1024),
  /** What must be true of a restored copy: a query of one value, and that value as text. */
  assertions: z
    .array(z.strictObject({ name: z.string().min(1), sql: z.string().min(1), expect: z.string() }))
    .default([]),
  ...ofEverySource,
})
export type PostgresqlSourcePolicy = z.output<typeof postgresqlSourceSchema>

export const sourceSchema = z.discriminatedUnion('kind', [
  filesSourceSchema,
  sqliteSourceSchema,
  postgresqlSourceSchema,
])
export type SourcePolicy = z.output<typeof sourceSchema>

export const policySchema = z.strictObject({
  /** The form of this file. */
  version: z.literal(1),
  environment: z.enum(environments),
  schedule: scheduleSchema,
  /** By environment; the one that this file is for must be there. */
  locations: z.partialRecord(z.enum(environments), environmentLocationsSchema),
  encryption: encryptionSchema,
  objectives: z.strictObject({
    /** RTO */
    recoveryTime: durationSchema,
    /** RPO */
    recoveryPoint: durationSchema,
  }),
  testing: z.strictObject({
    restoreTest: z.literal('monthly'),
    recoveryDrill: z.literal('annually'),
  }),
  /** Who answers for what: names or addresses, at least one each. */
  responsibilities: z.strictObject({
    devops: z.array(z.string().min(1)).min(1),
    dba: z.array(z.string().min(1)).min(1),
    security: z.array(z.string().min(1)).min(1),
    management: z.array(z.string().min(1)).min(1),
  }),
  services: z.record(nameSchema, serviceSchema).default({}),
  sources: z.record(nameSchema, sourceSchema),
  /** Folder of the catalog and of temporary copies, on this machine. */
  state: z.string().min(1),
})

/** The effective policy: what the file says, with the defaults filled in. */
export type Policy = z.output<typeof policySchema>
/** The policy as it is written in the file. */
export type PolicyFile = z.input<typeof policySchema>
