import { hash } from 'node:crypto'
import type { ByteName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import type { Chunking, EntryMetadata, EntrySink, FileSink } from '../../sources/entry-sink.ts'
import type { FileChange } from '../../sources/postgresql/backup-manifest.ts'
import type { BaseBackupReceiver } from '../../sources/postgresql/base-backup.ts'
import type { TarEntry } from '../../sources/postgresql/tar-reader.ts'
import type { PageChunks } from './page-chunks.ts'
import type { PostgresqlParent } from './postgresql-parent.ts'
import { SynthesisedFile } from './synthesised-file.ts'

export interface DataDirectoryOptions {
  readonly sink: EntrySink
  /** The directory in the snapshot's root. */
  readonly name: string
  /** How relations' files are cut. */
  readonly chunks: PageChunks
  readonly blockBytes: number
  /** What the blocks that do not come are taken from; undefined where all come. */
  readonly parent: PostgresqlParent | undefined
}

/** What takes the content of the file that is coming. */
interface Target {
  write(bytes: Uint8Array): Promise<void> | undefined
  end(): Promise<void> | undefined
}

/** A larger relation has more files. */
const relationFileBytes = 2 ** 30
const smallBytesMax = 1024 * 1024
const incrementalPrefix = 'INCREMENTAL.'

/** Takes the files of a base backup to their places in the snapshot, so that they are a data directory that starts. */
export class DataDirectory implements BaseBackupReceiver {
  readonly #options: DataDirectoryOptions
  readonly #pages: Chunking
  readonly #changes = new Map<ByteName, FileChange>()
  #target: Target | undefined
  #owner: EntryMetadata | undefined
  #label = ''
  #hasTablespaces = false
  #settings: Buffer | undefined
  #settingsEntry: TarEntry | undefined

  constructor(options: DataDirectoryOptions) {
    this.#options = options
    this.#pages = { kind: 'pages', ...options.chunks }
  }

  /** Content of backup_label, once it came. */
  get label(): string {
    return this.#label
  }

  /** Files that are not as they came, by the paths by which they came. */
  get changes(): ReadonlyMap<ByteName, FileChange> {
    return this.#changes
  }

  /** Of files that are added: those of the first one that came. */
  get fileMetadata(): EntryMetadata {
    return this.#owner ?? { mode: 0o600, uid: 0, gid: 0, mtime: 0 }
  }

  directory(path: ByteName, entry: TarEntry): void {
    const { sink, name } = this.#options
    // The data directory itself is not in the archive; the server holds what is in it to the same mode.
    if (path === 'base') sink.directory(name, entry)
    const tablespace = /^(pg_tblspc\/\d+)\/[^/]+$/.exec(path)?.[1]
    if (tablespace !== undefined) {
      this.#hasTablespaces = true
      sink.directory(this.#pathOf(tablespace), entry)
    }
    sink.directory(this.#pathOf(path), entry)
  }

  begin(path: ByteName, entry: TarEntry): Promise<void> | undefined {
    this.#owner ??= entry
    const whole = wholePath(path)
    if (this.#options.parent !== undefined && whole !== path) {
      if (isVisibilityMap(whole)) return this.#beginEmpty(path, whole, entry)
      return this.#beginSynthesis(path, whole, entry)
    }
    if (path === settingsPath) {
      this.#settingsEntry = entry
      this.#target = wholeText(path, async (text) => {
        this.#settings = text // It is written when it is known whether there are tablespaces.
      })
      return undefined
    }
    const file = this.#file(path, entry, isRelation(path) ? this.#pages : byContent)
    if (path === 'backup_label') this.#target = wholeText(path, (text) => this.#writeLabel(text, file))
    else this.#target = file
    return undefined
  }

  content(bytes: Uint8Array): Promise<void> | undefined {
    return this.#target!.write(bytes)
  }

  end(): Promise<void> | undefined {
    const target = this.#target!
    this.#target = undefined
    return target.end()
  }

  /** To be called when all has come. */
  async finish(): Promise<void> {
    const settings = this.#settings
    const isMissing = this.#hasTablespaces && settings?.includes(inPlaceTablespaces) !== true
    if (settings === undefined && !isMissing) return
    const file = this.#file(settingsPath, this.#settingsEntry ?? this.fileMetadata, byContent)
    await file.write(Buffer.concat([settings ?? Buffer.alloc(0), isMissing ? inPlaceTablespaces : Buffer.alloc(0)]))
    await file.end()
  }

  /** A file that is not in the base backup. */
  async add(path: ByteName, content: Uint8Array): Promise<void> {
    const file = this.open(path)
    await file.write(content)
    await file.end()
  }

  open(path: ByteName): FileSink {
    return this.#file(path, this.fileMetadata, byContent)
  }

  /**
   * PostgreSQL 17 and 18 do not log which page of a visibility map is changed where rows of a page are no longer seen by
   * everybody: neither a summary of the log nor the incremental backup has it. With the map of the parent, deleted rows
   * would come back to whoever looks for them by an index alone. An empty map says of no page that all see it, which is
   * always right; VACUUM fills it again.
   */
  #beginEmpty(path: ByteName, whole: ByteName, entry: TarEntry): undefined {
    const file = this.#file(whole, entry, this.#pages)
    this.#changes.set(path, { size: 0, sha256: hash('sha256', '') })
    this.#target = { write: () => undefined, end: () => file.end() }
  }

  async #beginSynthesis(path: ByteName, whole: ByteName, entry: TarEntry): Promise<void> {
    const { parent, blockBytes, chunks } = this.#options
    const chunkBytes = chunks.bytes
    const { files, facts, manifest } = parent!
    const before = await files.chunks(`${facts.dataDirectory}/${whole}`)
    if (before === undefined) {
      throw new Failure(
        'repository_damaged',
        `Cannot go on from the parent snapshot: it lacks "${whole}" or parts of it`,
      )
    }
    const sink = this.#file(whole, entry, this.#pages)
    const load = (chunk: { readonly id: string }): Promise<Uint8Array> => files.load(chunk.id)
    const file = new SynthesisedFile({ sink, blockBytes, chunkBytes, bytesMax: relationFileBytes, before, load })
    this.#target = {
      write: (bytes) => file.write(bytes),
      end: async () => {
        await file.end()
        this.#changes.set(path, {
          size: file.size,
          sha256: file.isUnchanged ? manifest.files.get(whole)?.sha256 : undefined,
        })
      },
    }
  }

  /** The label of an incremental backup says that it is none to start from; this one is, with the parent's blocks in it. */
  async #writeLabel(text: Buffer, file: FileSink): Promise<void> {
    this.#label = text.toString('utf8')
    const label = Buffer.from(this.#label.replaceAll(/^INCREMENTAL FROM .*\n/gm, ''), 'utf8')
    if (label.length !== text.length) {
      this.#changes.set('backup_label', { size: label.length, sha256: hash('sha256', label) })
    }
    await file.write(label)
    await file.end()
  }

  #file(path: ByteName, metadata: EntryMetadata, chunking: Chunking): FileSink {
    return this.#options.sink.file(this.#pathOf(path), metadata, chunking)
  }

  #pathOf(path: ByteName): ByteName {
    return `${this.#options.name}/${path}`
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

function isVisibilityMap(path: ByteName): boolean {
  return /\d_vm(?:\.\d+)?$/.test(path)
}

/** The path of the file that an incremental one stands for; others are their own. */
function wholePath(path: ByteName): ByteName {
  const slash = path.lastIndexOf('/') + 1
  return path.startsWith(incrementalPrefix, slash)
    ? path.slice(0, slash) + path.slice(slash + incrementalPrefix.length)
    : path
}

/** A target for a small file that is looked at as a whole. */
function wholeText(path: ByteName, end: (text: Buffer) => Promise<void>): Target {
  const parts: Buffer[] = []
  let length = 0
  return {
    write: (bytes) => {
      length += bytes.length
      if (length > smallBytesMax) throw new Failure('connection_failed', `Cannot read "${path}": it is above 1 MiB`)
      parts.push(Buffer.from(bytes))
      return undefined
    },
    end: () => end(Buffer.concat(parts)),
  }
}
