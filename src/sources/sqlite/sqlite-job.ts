import type { SqliteManifest } from '../../model/manifest.ts'
import type { CopyFacts, CopyRequest } from './copy-database.ts'

/** What is done on other threads, since SQLite holds its thread up. */
export type SqliteJob =
  | ({ readonly kind: 'copy' } & CopyRequest)
  /** `name`: how messages call the copy that lies at the path. */
  | { readonly kind: 'check'; readonly path: string; readonly name: string }
  | { readonly kind: 'manifest'; readonly path: string; readonly name: string }
  | { readonly kind: 'ask'; readonly path: string; readonly sql: string }

export type SqliteAnswer =
  | { readonly kind: 'copy'; readonly facts: CopyFacts }
  | { readonly kind: 'check' }
  | { readonly kind: 'manifest'; readonly manifest: SqliteManifest }
  | { readonly kind: 'ask'; readonly value: string | undefined }
