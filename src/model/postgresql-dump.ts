import { z } from 'zod'

const propertiesSchema = z.object({
  /** How many sessions it lets in at a time; -1: as many as the server does. */
  connectionLimit: z.int(),
  isTemplate: z.boolean(),
  comment: z.string().nullable(),
  /** What is set for all of its sessions, or for those of a role: "name=value". */
  settings: z.array(z.object({ role: z.string().nullable(), values: z.array(z.string()) })),
  /** Null where no right was ever granted or revoked; a role that is null is everybody. */
  grants: z.array(z.object({ role: z.string().nullable(), right: z.string(), mayGrant: z.boolean() })).nullable(),
})

/** What a database is besides its content, which no dump of pg_dump holds without naming the database. */
export type DatabaseProperties = z.output<typeof propertiesSchema>

/**
 * What a snapshot of dumps tells of itself: `.zakops-backup/postgresql-dump.json`. A database that is made anew is made so.
 */
export const postgresqlDumpSchema = z.object({
  version: z.literal(1),
  /** Name of the directory in the snapshot's root that holds "globals.sql" and a folder for each database. */
  folder: z.string(),
  /** 150018 is 15.18. */
  serverVersion: z.int(),
  /** Of pg_dump. */
  toolMajor: z.int(),
  databases: z.array(
    z.object({
      name: z.string(),
      /** Its folder: names of databases may hold what names of folders may not. */
      folder: z.string(),
      owner: z.string(),
      encoding: z.string(),
      collate: z.string(),
      ctype: z.string(),
      /** Whose rules its texts are ordered by, where these are not the system's. */
      provider: z.enum(['icu', 'builtin']).optional(),
      /** By that one's names, as are the rules that are added to it. */
      locale: z.string().optional(),
      rules: z.string().optional(),
      /** Absent in older dumps. */
      properties: propertiesSchema.optional(),
    }),
  ),
})

export type PostgresqlDump = z.output<typeof postgresqlDumpSchema>

export const postgresqlDumpPath = '.zakops-backup/postgresql-dump.json'
