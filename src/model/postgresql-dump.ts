import { z } from 'zod'

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
    }),
  ),
})

export type PostgresqlDump = z.output<typeof postgresqlDumpSchema>

export const postgresqlDumpPath = '.zakops-backup/postgresql-dump.json'
