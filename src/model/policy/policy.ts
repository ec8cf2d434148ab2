import { type PolicyProcedureName, stepNames } from '../procedures/policy-procedures.ts'
import { z } from 'zod'
import { durationSchema } from './duration.ts'
import { question, requireExpectation } from './question.ts'

/**
 * The policy: the one definition from which its types, its JSON Schema, its reference page (docs/policy.md) and its
 * errors come. Its words are those of the policy document that it makes true, and what is left out of a file is as that
 * document says. Lengths of time are milliseconds in the model. An `error` says what is wanted, and follows "expected".
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

/**
 * Names of sources and services: they become tags, folder names and arguments. "constructor" is a property of every
 * object, so a source of that name would seem to be there where it is not.
 */
const nameSchema = z
  .string()
  .regex(/^(?!constructor$)[a-z0-9][a-z0-9_-]{0,62}$/, {
    error: 'a name of small letters, digits, "-" and "_", at most 63, such as "documents"',
  })
  .meta({ title: 'name' })

/** "02:00": an hour and a minute, UTC. */
const timeOfDaySchema = z
  .string({ error: 'a time of day in quotes, UTC, such as "02:00"' })
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: 'a time of day in quotes, UTC, such as "02:00"' })
  .meta({ title: 'time of day' })

/** Text with something in it. */
const textSchema = z.string().min(1)

/** A path of this machine: absolute, or relative to the folder of the policy file. */
const pathWanted = { error: 'a path, absolute or relative to the folder of this file ("~" is not expanded)' }
const pathSchema = z
  .string(pathWanted)
  .regex(/^(?!~)[^\0]+$/, pathWanted)
  .meta({ title: 'path' })

/** Where a secret is: never the secret itself. A bare path is not taken, so that a value can not pass for a reference. */
export const secretReferenceSchema = z
  .string({ error: 'a reference to a secret, "env:NAME" or "file:PATH", never the secret itself' })
  .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:(?!~)[^\0]+)$/, {
    error: 'a reference to a secret, "env:NAME" or "file:PATH", never the secret itself',
  })
  .meta({ title: 'reference to a secret' })

/** What is kept: a backup stays while it is one of the last `copies` or younger than `age`, whichever keeps it longer. */
function retentionSchema(copies: number, age: string) {
  return z
    .strictObject({
      copies: z.int().min(1).max(10_000).default(copies).describe('So many of the newest stay, however old they are.'),
      age: durationSchema.prefault(age).describe('What is younger stays, however many there are.'),
    })
    .prefault({})
    .describe('What is kept: a backup goes only when it is neither among the newest `copies` nor younger than `age`.')
}
export interface RetentionRule {
  readonly copies: number
  /** Milliseconds. */
  readonly age: number
}

const scheduleSchema = z
  .strictObject({
    full: z
      .strictObject({
        frequency: z.literal('weekly').default('weekly').describe('How often.'),
        day: z.enum(weekdays).default('sunday').describe('On which day of the week, UTC.'),
        time: timeOfDaySchema.default('02:00').describe('At what time of that day, UTC, in quotes.'),
        retention: retentionSchema(4, '4 weeks'),
      })
      .prefault({})
      .describe(
        "Full backups read every byte of the sources and of what they rely on. That day's takes the incremental's place.",
      ),
    incremental: z
      .strictObject({
        frequency: z.literal('daily').default('daily').describe('How often.'),
        time: timeOfDaySchema.default('02:00').describe('At what time of the day, UTC, in quotes.'),
        retention: retentionSchema(7, '7 days'),
      })
      .prefault({})
      .describe('Incremental backups read what changed. Each is complete in itself all the same.'),
    snapshots: z
      .strictObject({
        postgresql: z
          .literal('daily')
          .default('daily')
          .describe('PostgreSQL: a snapshot is taken with the backup of each day.'),
        sqlite: z
          .literal('pre-operation')
          .default('pre-operation')
          .describe('SQLite: `guard` backs up before an operation, besides the backup of each day.'),
        retention: retentionSchema(3, '7 days'),
      })
      .prefault({})
      .describe('Database snapshots; `retention` is that of backups before operations.'),
  })
  .prefault({})
  .describe('When backups are taken, and how long they are kept.')

const locationSchema = z
  .strictObject({
    storage: pathSchema.describe('A folder, or ADAPTER:PLACE.'),
    encrypted: z
      .literal(true)
      .default(true)
      .describe('Everything that is stored is encrypted; saying otherwise would be untrue.'),
  })
  .describe('A place that backups lie in.')
export type LocationPolicy = z.output<typeof locationSchema>

const environmentLocationsSchema = z
  .strictObject({
    primary: locationSchema.describe('Where backups are stored first.'),
    secondary: z
      .union([locationSchema, z.literal('N/A')], { error: 'a location with `storage`, or "N/A"' })
      .default('N/A')
      .describe(
        'Where each backup is copied to right after, off-site; "N/A" where there is none. Production needs it.',
      ),
  })
  .describe('The two places of this environment.')

const encryptionSchema = z
  .strictObject({
    algorithm: z.literal('AES-256').default('AES-256').describe('How everything that is stored is encrypted.'),
    keyManagement: z
      .strictObject({
        keyring: pathSchema.describe(
          'The file of the keyring. Its folder is apart from every location, and no source backs it up.',
        ),
        unlock: z
          .union(
            [
              z
                .strictObject({ passphrase: secretReferenceSchema.describe('Where the passphrase is.') })
                .describe('A passphrase.'),
              z.strictObject({ keyFile: pathSchema.describe('The key file, of mode 0600.') }).describe('A key file.'),
            ],
            { error: 'either `passphrase: env:NAME` (or `file:PATH`) or `keyFile: PATH`' },
          )
          .describe('What opens the keyring: a passphrase or a key file.'),
      })
      .describe('The keys, stored apart from the backups.'),
    keyRotation: z.literal('annually').default('annually').describe('How often a new key takes over.'),
  })
  .describe('Encryption and its keys.')

const wordsSchema = z.array(textSchema).min(1)

const serviceSchema = z
  .strictObject({
    stop: wordsSchema.describe('The command that stops it, as a list of words; no shell reads it.'),
    start: wordsSchema.describe('The command that starts it again.'),
    health: wordsSchema.optional().describe('A command that exits 0 where the service is well.'),
    timeout: durationSchema.prefault('1 minute').describe('How long each of these may take.'),
  })
  .describe('A service that depends on sources.')
export type ServicePolicy = z.output<typeof serviceSchema>

const httpValidationSchema = z
  .strictObject({
    http: z
      .strictObject({
        url: z
          .string()
          .regex(/^https?:\/\/\S+$/, { error: 'a URL such as "http://localhost:8080/health"' })
          .describe('What is asked for.'),
        status: z.int().min(100).max(599).default(200).describe('The status that it answers.'),
        jsonPath: textSchema.optional().describe('Where in the JSON that it answers to look: names with "." between.'),
        expect: z.string().optional().describe('What stands there, as text; without a path, what the answer holds.'),
      })
      .describe('An application answers.'),
  })
  .describe('Something that an application must answer over HTTP.')

const sqlValidationSchema = z
  .strictObject(question)
  .superRefine(requireExpectation)
  .describe('Something that the restored database must answer.')

const commandValidationSchema = z
  .strictObject({ command: wordsSchema.describe('A command as a list of words; no shell reads it.') })
  .describe('A command that must exit 0.')

const validationSchema = z.union([httpValidationSchema, sqlValidationSchema, commandValidationSchema], {
  error: 'one of `http`, `sql` with `expect`, `atLeast` or `atMost`, or `command`',
})
export type ValidationPolicy = z.output<typeof validationSchema>

const ofEverySource = {
  validations: z
    .array(validationSchema)
    .default([])
    .describe(
      'What must hold after it was restored and its services were started again. A drill asks those with `sql` of what it restored.',
    ),
  services: z
    .array(nameSchema)
    .default([])
    .describe('Services that are stopped before it is restored, in this order, and started in the opposite one.'),
}

const filesSourceSchema = z
  .strictObject({
    kind: z.literal('files').describe('Files and directories.'),
    paths: z.array(pathSchema).min(1).describe('What is backed up, with all that lies in it.'),
    exclude: z.array(textSchema).default([]).describe('What is left out: patterns in the syntax of gitignore.'),
    excludeCaches: z.boolean().default(false).describe('Leave out directories that a CACHEDIR.TAG marks as caches.'),
    oneFileSystem: z.boolean().default(false).describe('Stay in the file systems of the paths.'),
    ...ofEverySource,
  })
  .describe('Files and directories.')
export type FilesSourcePolicy = z.output<typeof filesSourceSchema>

const assertionSchema = z
  .strictObject({ name: textSchema.describe('What it is called in reports.'), ...question })
  .superRefine(requireExpectation)
export type AssertionPolicy = z.output<typeof assertionSchema>

const assertionsSchema = z
  .array(assertionSchema)
  .default([])
  .describe('What must be true of every restored copy, however old its backup is.')

const sqliteSourceSchema = z
  .strictObject({
    kind: z.literal('sqlite').describe('A SQLite database.'),
    path: pathSchema.describe('The file of the database.'),
    assertions: assertionsSchema,
    ...ofEverySource,
  })
  .describe('A SQLite database.')
export type SqliteSourcePolicy = z.output<typeof sqliteSourceSchema>

/** The receiver may wait no longer with what it got: that is how much a lost server may cost. */
const partialEveryMsMax = 30_000
const partialWanted = 'a length of time from 1 to 30 seconds, such as "30 seconds"'

const walSchema = z
  .strictObject({
    receive: z
      .boolean()
      .default(false)
      .describe('Whether `serve` receives the log from the server as it is written. It needs a replication slot.'),
    slot: z
      .string()
      .regex(/^[a-z0-9_]{1,63}$/, { error: 'a name of small letters, digits and "_", at most 63' })
      .default('zakops_backup')
      .describe('Name of that slot; it is made where it is absent, and is for this source alone.'),
    partialEvery: durationSchema
      .prefault('30 seconds')
      .refine((ms) => ms >= 1000 && ms <= partialEveryMsMax, { error: partialWanted })
      .describe('After so long at the latest, what was received of a segment is stored.'),
    lagLimit: z
      .int()
      .min(64 * 1024 * 1024)
      .optional()
      .describe(
        "Bytes of log that the slot may keep on the server's disk. Beyond it the slot is dropped, which leaves a gap; without it, never.",
      ),
  })
  .prefault({})
  .describe('The write-ahead log, by which the server can be recovered to any point in time.')

const postgresqlSourceSchema = z
  .strictObject({
    kind: z.literal('postgresql').describe('A PostgreSQL server.'),
    url: z
      .string()
      .regex(/^postgres(ql)?:\/\//, { error: 'a connection URL such as "postgresql://backup@localhost:5432/postgres"' })
      .describe(
        'Its connection URL, without a password: that comes from `password`, ~/.pgpass or the trust of the server.',
      ),
    password: secretReferenceSchema.optional().describe('Where the password is.'),
    mode: z
      .enum(['physical', 'logical'])
      .default('physical')
      .describe('The whole server with its write-ahead log, or each database as a dump.'),
    restoreUrl: z
      .string()
      .regex(/^postgres(ql)?:\/\//, {
        error: 'a connection URL such as "postgresql://postgres@localhost:5432/postgres"',
      })
      .optional()
      .describe(
        'Connection URL of a role that may create and rename databases, by which `procedure run database-restore` puts dumps back; its password comes from ~/.pgpass or the trust of the server. Without it, `url`.',
      ),
    dataDirectory: pathSchema
      .optional()
      .describe(
        'Its data directory, where the server is on this machine and `mode` is `physical`: what `procedure run database-restore` replaces. The server itself is one of `services` then.',
      ),
    wal: walSchema,
    manifestTableBytesMax: z
      .int()
      .min(0)
      .default(10 * 1024 * 1024 * 1024)
      .describe('Tables larger than so many bytes are sampled by block range in the manifest, which says so.'),
    assertions: assertionsSchema,
    ...ofEverySource,
  })
  .describe('A PostgreSQL server.')
export type PostgresqlSourcePolicy = z.output<typeof postgresqlSourceSchema>

export const sourceSchema = z.discriminatedUnion(
  'kind',
  [filesSourceSchema, sqliteSourceSchema, postgresqlSourceSchema],
  { error: '"files", "sqlite" or "postgresql"' },
)
export type SourcePolicy = z.output<typeof sourceSchema>

const objectivesSchema = z
  .strictObject({
    recoveryTime: durationSchema.prefault('4 hours').describe('RTO: how long a recovery may take.'),
    recoveryPoint: durationSchema.prefault('24 hours').describe('RPO: how old the newest good backup may become.'),
  })
  .prefault({})
  .describe('Recovery objectives.')

const testingSchema = z
  .strictObject({
    restoreTest: z
      .literal('monthly')
      .default('monthly')
      .describe('How often a random backup is restored to a test environment and compared.'),
    recoveryDrill: z
      .literal('annually')
      .default('annually')
      .describe('How often a complete loss is rehearsed, and the time measured.'),
  })
  .prefault({})
  .describe('Tests of the restore.')

const peopleSchema = z.array(textSchema).min(1)

const responsibilitiesSchema = z
  .strictObject({
    devops: peopleSchema.describe('DevOps: backup configuration and monitoring.'),
    dba: peopleSchema.describe('DBA: database-specific procedures.'),
    security: peopleSchema.describe('Security: encryption key management.'),
    management: peopleSchema.describe('Management: policy approval and review.'),
  })
  .describe('Who answers for what: names or addresses, at least one each.')

const stepsOf = (procedure: PolicyProcedureName) =>
  z
    .array(z.enum(stepNames(procedure) as readonly [string, ...string[]]))
    .default([])
    .describe(`Steps of ${procedure}, as \`procedure show ${procedure}\` names them.`)

const confirmSchema = z
  .strictObject({
    'database-restore': stepsOf('database-restore'),
    'point-in-time-recovery': stepsOf('point-in-time-recovery'),
    'file-restore': stepsOf('file-restore'),
    'restore-test': stepsOf('restore-test'),
    'recovery-drill': stepsOf('recovery-drill'),
  })
  .prefault({})
  .describe('Steps of procedures before which a person must say yes.')

/** The parts of the policy, each of which can be read by itself where another is wrong. */
export const policyParts = {
  version: z.literal(1).describe('The form of this file.'),
  environment: z.enum(environments).describe('The environment that this file is for.'),
  schedule: scheduleSchema,
  locations: z
    .partialRecord(z.enum(environments), environmentLocationsSchema)
    .describe('Backup locations by environment; those of `environment` must be there.'),
  encryption: encryptionSchema,
  objectives: objectivesSchema,
  testing: testingSchema,
  responsibilities: responsibilitiesSchema,
  confirm: confirmSchema,
  services: z.record(nameSchema, serviceSchema).default({}).describe('Services that depend on sources, by name.'),
  sources: z.record(nameSchema, sourceSchema).describe('What is protected, by name; at least one.'),
  state: pathSchema.describe('The folder of the catalog and of temporary copies, on this machine.'),
}

export const policySchema = z.strictObject(policyParts)

/** The effective policy: what the file says, with the defaults filled in. */
export type Policy = z.output<typeof policySchema>
/** The policy as it is written in the file. */
export type PolicyFile = z.input<typeof policySchema>
