/** How a base backup is asked for. */
export interface BaseBackupOptions {
  /** Stands in backup_label. */
  readonly label: string
  /** `fast` has the server write what is dirty at once; `spread` waits for its own rhythm. */
  readonly checkpoint: 'fast' | 'spread'
  /** At most so many KiB a second, 32 to 1048576, where it is given. */
  readonly rateKibibytesMax?: number
  /**
   * The server's manifest of an earlier backup: only blocks that changed since come, as files "INCREMENTAL.<name>". From
   * 17 on, where the server keeps summaries of its WAL.
   */
  readonly since?: Uint8Array
}

/** The command (15 and later). WAL is not asked for: it comes on another connection, which holds it by a slot. */
export function baseBackupCommand(options: BaseBackupOptions): string {
  const words = [
    `LABEL '${options.label.replaceAll("'", "''")}'`,
    'PROGRESS true',
    `CHECKPOINT '${options.checkpoint}'`,
    'WAIT false',
    'TABLESPACE_MAP false',
    'VERIFY_CHECKSUMS true',
    "MANIFEST 'yes'",
    "MANIFEST_CHECKSUMS 'SHA256'",
  ]
  if (options.rateKibibytesMax !== undefined) words.push(`MAX_RATE ${options.rateKibibytesMax}`)
  if (options.since !== undefined) words.push('INCREMENTAL')
  return `BASE_BACKUP (${words.join(', ')})`
}
