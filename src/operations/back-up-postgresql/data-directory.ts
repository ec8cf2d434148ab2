import type { ByteName } from '../../base/byte-name.ts'
import type { BaseBackupReceiver } from '../../sources/postgresql/base-backup.ts'
import type { TarEntry } from '../../sources/postgresql/tar-reader.ts'
import type { Chunking, EntryMetadata, EntrySink, FileSink } from '../../sources/entry-sink.ts'

const labelBytesMax = 64 * 1024

/** Takes the files of a base backup to their places in the snapshot. */
export class DataDirectory implements BaseBackupReceiver {
  readonly #sink: EntrySink
  readonly #name: string
  readonly #pages: Chunking
  #file: FileSink | undefined
  #owner: EntryMetadata | undefined
  #label: Buffer[] | undefined
  #labelText = ''
  #hasTablespaces = false
  #isSettings = false
  #hasSettings = false

  /** `name`: the directory in the snapshot's root. `chunkBytes`: of relations' files. */
  constructor(sink: EntrySink, name: string, chunkBytes: number) {
    this.#sink = sink
    this.#name = name
    this.#pages = { kind: 'fixed', bytes: chunkBytes }
  }

  /** Content of backup_label, once it came. */
  get label(): string {
    return this.#labelText
  }

  directory(path: ByteName, entry: TarEntry): void {
    // The data directory itself is not in the archive; the server holds that which is to the same mode.
    if (path === 'base') this.#sink.directory(this.#name, entry)
    const tablespace = /^(pg_tblspc\/\d+)\/[^/]+$/.exec(path)?.[1]
    if (tablespace !== undefined) {
      this.#hasTablespaces = true
      this.#sink.directory(this.pathOf(tablespace), entry)
    }
    this.#sink.directory(this.pathOf(path), entry)
  }

  begin(path: ByteName, entry: TarEntry): undefined {
    this.#owner ??= entry
    this.#label = path === 'backup_label' ? [] : undefined
    this.#isSettings = path === settingsPath
    this.#file = this.#sink.file(this.pathOf(path), entry, isRelation(path) ? this.#pages : byContent)
  }

  content(bytes: Uint8Array): Promise<void> | undefined {
    const label = this.#label
    if (label !== undefined && label.length < labelBytesMax) label.push(Buffer.from(bytes))
    return this.#file!.write(bytes)
  }

  end(): Promise<void> | undefined {
    if (this.#label !== undefined) this.#labelText = Buffer.concat(this.#label).toString('utf8')
    const file = this.#file!
    this.#file = undefined
    return this.#isSettings ? this.#endSettings(file) : file.end()
  }

  /** To be called when all has come. */
  async finish(): Promise<void> {
    if (this.#hasTablespaces && !this.#hasSettings) await this.add(settingsPath, inPlaceTablespaces)
  }

  /** A file that is not in the base backup, with the owner and the mode of one that is. */
  async add(path: ByteName, content: Uint8Array): Promise<void> {
    const file = this.open(path)
    await file.write(content)
    await file.end()
  }

  open(path: ByteName): FileSink {
    return this.#sink.file(this.pathOf(path), this.fileMetadata, byContent)
  }

  /** Of files that are added: the label's. */
  get fileMetadata(): EntryMetadata {
    return this.#owner ?? { mode: 0o600, uid: 0, gid: 0, mtime: 0 }
  }

  pathOf(path: ByteName): ByteName {
    return `${this.#name}/${path}`
  }

  async #endSettings(file: FileSink): Promise<void> {
    this.#hasSettings = true
    if (this.#hasTablespaces) await file.write(inPlaceTablespaces)
    await file.end()
  }
}

/**
 * Tablespaces are directories inside the data directory here, where the server had links to places that another
 * machine may not have, or where the server itself still lives. Without this setting recovery refuses to end with
 * such directories. pg_verifybackup does not look at this file.
 */
const settingsPath = 'postgresql.auto.conf'
const inPlaceTablespaces = Buffer.from(
  '\nallow_in_place_tablespaces = on # the backup holds tablespaces in pg_tblspc\n',
)

const byContent: Chunking = { kind: 'content' }

/** Whether it is a file of pages: a table's or an index's, with its forks. */
export function isRelation(path: ByteName): boolean {
  return /^(?:base\/\d+|global|pg_tblspc\/\d+\/PG_[^/]+\/\d+)\/(?:t\d+_)?\d+(?:_(?:fsm|vm|init))?(?:\.\d+)?$/.test(path)
}
