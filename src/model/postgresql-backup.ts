import { z } from 'zod'

/** A position in the write-ahead log, as the server writes it. */
const lsnSchema = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/)

/**
 * What a physical snapshot tells of itself besides its files: `.zakops-backup/postgresql.json` in the snapshot. A recovery
 * and the next incremental need it. Members are written in this order.
 */
export const postgresqlBackupSchema = z.object({
  version: z.literal(1),
  /** Name of the directory in the snapshot's root that is the data directory. */
  dataDirectory: z.string(),
  systemIdentifier: z.string(),
  /** 150018 is 15.18. */
  serverVersion: z.int(),
  timeline: z.int(),
  /** Where replay begins. */
  startLsn: lsnSchema,
  /** The checkpoint that replay begins with. */
  checkpointLsn: lsnSchema,
  /** From here on the files are consistent. */
  endLsn: lsnSchema,
  /** The snapshot's own WAL ends here: started without any other, the server is as it was at this position. */
  walEndLsn: lsnSchema,
  walSegmentBytes: z.int(),
  /** Bytes of a page. */
  blockBytes: z.int(),
  /** Bytes of a group of pages in a relation's file, which is one chunk, or is cut into chunks of `pageChunkBytes`. */
  chunkBytes: z.int(),
  pageChunkBytes: z.int(),
  /** They lie in pg_tblspc/OID as directories. */
  tablespaces: z.array(z.object({ oid: z.string(), location: z.string() })),
  /** `full`: every file came from the server; `incremental`: unchanged blocks are those of the parent snapshot. */
  transfer: z.enum(['full', 'incremental']),
  /** SHA-256, hex, of `.zakops-backup/backup_manifest`: the server's own, which the next incremental hands back to it. */
  backupManifestDigest: z.string(),
  /** Name of the restore point that the manifest belongs to. */
  restorePoint: z.string().nullable(),
})

export type PostgresqlBackup = z.output<typeof postgresqlBackupSchema>

/** The directory in a snapshot's root that holds what the snapshot says of itself. */
export const backupFolder = '.zakops-backup'
export const manifestPath = `${backupFolder}/manifest.json`
export const postgresqlBackupPath = `${backupFolder}/postgresql.json`
export const serverManifestPath = `${backupFolder}/backup_manifest`
