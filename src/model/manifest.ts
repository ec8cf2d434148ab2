/**
 * What was in a source when it was backed up, from the same consistent view. A restore is proven by taking the
 * manifest of what was restored and finding it equal. It holds nothing that changes while the content does not, so
 * equal content has equal manifests, byte for byte. Digests are SHA-256, hex.
 */
export type Manifest = FilesManifest | SqliteManifest | PostgresqlManifest

export interface FilesManifest {
  readonly version: 1
  readonly kind: 'files'
  readonly files: number
  readonly directories: number
  readonly symlinks: number
  /** Fifos, devices. */
  readonly others: number
  /** Content of regular files. */
  readonly bytes: number
  /** Over every path with its type, mode, size, link target and content. */
  readonly digest: string
}

export interface TableManifest {
  readonly name: string
  readonly rows: number
  /** Over the rows that were read, in an order that does not depend on where they lie; null where they were not read. */
  readonly digest: string | null
  /** Present where only a part was read, which is what is counted then: which part, or why none. */
  readonly sampled?: string
}

export interface SqliteManifest {
  readonly version: 1
  readonly kind: 'sqlite'
  readonly schemaDigest: string
  readonly userVersion: number
  readonly applicationId: number
  readonly pageSize: number
  readonly pages: number
  readonly tables: readonly TableManifest[]
}

export interface PostgresqlManifest {
  readonly version: 1
  readonly kind: 'postgresql'
  readonly serverVersion: number
  readonly systemIdentifier: string
  /**
   * How rows are hashed: `seeds`, by their values, the hash of each the seed of the next; in older manifests `columns`, as a
   * record of their values; absent in the oldest, by the text of the whole.
   */
  readonly rowDigest?: 'seeds' | 'columns'
  readonly databases: readonly {
    readonly name: string
    /** Limits, settings and rights of the database itself, a line each; absent in older manifests. */
    readonly properties?: readonly string[]
    readonly schemaDigest: string
    readonly extensions: readonly { readonly name: string; readonly version: string }[]
    readonly tables: readonly TableManifest[]
    readonly sequences: readonly { readonly name: string; readonly value: string; readonly isCalled: boolean }[]
  }[]
  readonly roles: readonly string[]
  /**
   * How the view belongs to the backup: `exact`, recovery to `restorePoint` must compare equal; `bounded`, these
   * transactions may fall between.
   */
  readonly view:
    | { readonly state: 'exact'; readonly restorePoint: string; readonly lsn: string }
    | {
        readonly state: 'bounded'
        readonly restorePoint: string
        readonly lsn: string
        readonly transactions: readonly string[]
      }
    | { readonly state: 'snapshot' }
}
