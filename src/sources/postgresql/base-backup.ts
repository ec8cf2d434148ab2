import { createHash, type Hash } from 'node:crypto'
import { Failure } from '../../base/failure.ts'
import type { ByteName } from '../../base/byte-name.ts'
import { type BackupManifest, parseBackupManifest, verifyReceived } from './backup-manifest.ts'
import { type BaseBackupOptions, baseBackupCommand } from './base-backup-command.ts'
import type { PostgresqlConnection } from './connection.ts'
import { checksumFaultOf, type ChecksumFault, describeChecksumFaults } from './checksum-fault.ts'
import { type Lsn, parseLsn } from './lsn.ts'
import { type TarEntry, TarReader } from './tar-reader.ts'
import { decodeNotice, decodeRow, ServerError } from './wire-messages.ts'
import { type WireMessage, WireReader } from './wire-reader.ts'

/**
 * Takes what a base backup holds, in its order, by paths inside the data directory. A promise that is answered holds
 * the server back until it is fulfilled.
 */
export interface BaseBackupReceiver {
  directory(path: ByteName, entry: TarEntry): void
  begin(path: ByteName, entry: TarEntry): Promise<void> | undefined
  /** A piece of the file that was begun last; to be copied before the promise is fulfilled. */
  content(bytes: Uint8Array): Promise<void> | undefined
  end(): Promise<void> | undefined
}

export interface Tablespace {
  readonly oid: string
  /** Where the server has it. */
  readonly location: string
}

export interface BaseBackup {
  readonly timeline: number
  readonly startLsn: Lsn
  /** Recovery must get to here before what was copied is consistent. */
  readonly endLsn: Lsn
  readonly endTimeline: number
  readonly tablespaces: readonly Tablespace[]
  readonly manifest: BackupManifest
  /** The server's manifest as it came. */
  readonly manifestText: Buffer
  /** Bytes of files that came. */
  readonly bytesReceived: number
  /** Warnings of the server besides those of checksums. */
  readonly warnings: readonly string[]
}

export interface BaseBackupProgress {
  readonly bytesDone: number
  /** The server's estimate. */
  readonly bytesTotal: number
}

const manifestBytesMax = 1024 * 1024 * 1024
const warningsMax = 100

/**
 * Has the server send a base backup over a replication connection, which is used up by it. Every file is compared
 * with the server's manifest as it passes. Failure `database_unreadable` where the server finds page checksums that
 * do not fit, with file and block; `connection_failed` where something else arrives than was sent.
 *
 * The tablespaces come as directories pg_tblspc/OID, so that the whole starts wherever it is restored to.
 */
export async function receiveBaseBackup(
  connection: PostgresqlConnection,
  options: BaseBackupOptions,
  receiver: BaseBackupReceiver,
  progress: (progress: BaseBackupProgress) => void,
): Promise<BaseBackup> {
  using wire = new WireReader(connection)
  try {
    if (options.since !== undefined) await uploadManifest(wire, options.since)
    return await new BaseBackupRun(wire, receiver, progress).run(baseBackupCommand(options))
  } catch (error) {
    throw connection.failure(error)
  }
}

/** So much of a manifest goes into one message, bytes. */
const uploadBytes = 64 * 1024

async function uploadManifest(wire: WireReader, manifest: Uint8Array): Promise<void> {
  wire.query('UPLOAD_MANIFEST')
  let failure: ServerError | undefined
  for (;;) {
    const { type, bytes } = await wire.next()
    if (type === 'E') failure = new ServerError(decodeNotice(bytes))
    if (type === 'Z') break
    if (type !== 'G') continue
    for (let at = 0; at < manifest.length; at += uploadBytes) {
      wire.send('d', manifest.subarray(at, at + uploadBytes))
      await wire.sent()
    }
    wire.send('c', new Uint8Array(0))
  }
  if (failure !== undefined) throw failure
}

/** Where the pieces of copy data go. */
type Stage =
  | { readonly kind: 'none' }
  | { readonly kind: 'archive'; readonly prefix: string; readonly tar: TarReader }
  | { readonly kind: 'manifest'; readonly parts: Buffer[] }

class BaseBackupRun {
  readonly #wire: WireReader
  readonly #receiver: BaseBackupReceiver
  readonly #progress: (progress: BaseBackupProgress) => void
  readonly #rows: (string | null)[][] = []
  readonly #received = new Map<ByteName, { size: number; sha256: string }>()
  readonly #faults: ChecksumFault[] = []
  readonly #warnings: string[] = []
  #stage: Stage = { kind: 'none' }
  #manifestText: Buffer | undefined
  #manifestBytes = 0
  /** The letter of the copy message that is being read, and what came of it, where it is needed whole. */
  #copyType = 0
  #copyParts: Buffer[] = []
  #file: { readonly path: ByteName; readonly hash: Hash; size: number } | undefined
  #bytesTotal = 0

  constructor(wire: WireReader, receiver: BaseBackupReceiver, progress: (progress: BaseBackupProgress) => void) {
    this.#wire = wire
    this.#receiver = receiver
    this.#progress = progress
  }

  async run(command: string): Promise<BaseBackup> {
    this.#wire.query(command)
    let failure: ServerError | undefined
    for (;;) {
      const message = await this.#wire.next()
      if (message.type === 'Z') break
      if (message.type === 'E') failure = new ServerError(decodeNotice(message.bytes))
      else if (message.type === 'd') await this.#copy(message)
      else this.#answer(message)
    }
    if (this.#faults.length > 0) throw describeChecksumFaults(this.#faults, failure)
    if (failure !== undefined) throw failure
    return this.#result()
  }

  #answer({ type, bytes }: WireMessage): void {
    if (type === 'D') {
      this.#rows.push(decodeRow(bytes))
    } else if (type === 'H') {
      const sizes = this.#rows.slice(1).map((row) => Number(row[2] ?? 0))
      this.#bytesTotal = sizes.reduce((sum, size) => sum + size * 1024, 0)
    } else if (type === 'c') {
      this.#endStage()
    } else if (type === 'N') {
      const notice = decodeNotice(bytes)
      const fault = checksumFaultOf(notice)
      if (fault !== undefined) this.#faults.push(fault)
      else if (notice.severity === 'WARNING' && this.#warnings.length < warningsMax) this.#warnings.push(notice.message)
    }
  }

  async #copy({ bytes, isFirst, isLast }: WireMessage): Promise<void> {
    let body = bytes
    if (isFirst) {
      this.#copyType = bytes[0] ?? 0
      body = bytes.subarray(1)
      this.#copyParts = []
    }
    if (this.#copyType === letter.data) {
      await this.#data(body)
      return
    }
    this.#copyParts.push(Buffer.from(body))
    if (isLast) this.#control(Buffer.concat(this.#copyParts))
  }

  #control(body: Buffer): void {
    switch (this.#copyType) {
      case letter.newArchive: {
        this.#endStage()
        const [name = '', location = ''] = body.toString('utf8').split('\0')
        this.#stage = { kind: 'archive', prefix: this.#prefixOf(name, location), tar: new TarReader() }
        return
      }
      case letter.manifest:
        this.#endStage()
        this.#stage = { kind: 'manifest', parts: [] }
        return
      case letter.progress: {
        const bytesDone = Number(body.readBigInt64BE(0))
        this.#progress({ bytesDone, bytesTotal: Math.max(this.#bytesTotal, bytesDone) })
        return
      }
      default:
        throw new Failure('connection_failed', `Cannot read a base backup: a message of type ${this.#copyType}`)
    }
  }

  /** Path of an archive's contents inside the data directory. */
  #prefixOf(archive: string, location: string): string {
    if (archive === 'base.tar') return ''
    const oid = /^(\d+)\.tar$/.exec(archive)?.[1]
    if (oid === undefined) throw new Failure('connection_failed', `Cannot read a base backup: archive "${archive}"`)
    void location // It is told by the list of tablespaces too.
    return `pg_tblspc/${oid}/`
  }

  async #data(bytes: Buffer): Promise<void> {
    const stage = this.#stage
    if (stage.kind === 'archive') {
      for (const event of stage.tar.push(bytes)) {
        const wait =
          event.kind === 'content'
            ? this.#content(event.bytes)
            : event.kind === 'entry'
              ? this.#entry(stage.prefix, event.entry)
              : this.#end()
        if (wait !== undefined) await wait
      }
    } else if (stage.kind === 'manifest') {
      this.#manifestBytes += bytes.length
      if (this.#manifestBytes > manifestBytesMax)
        throw new Failure('connection_failed', `Cannot read the server's backup manifest: it is above 1 GiB`)
      stage.parts.push(Buffer.from(bytes))
    } else {
      throw new Failure('connection_failed', 'Cannot read a base backup: content before the first archive')
    }
  }

  #entry(prefix: string, entry: TarEntry): Promise<void> | undefined {
    const path = prefix + entry.path
    if (entry.type === 'dir') {
      this.#receiver.directory(path, entry)
      return undefined
    }
    // The link of a tablespace: in its place stands the directory itself.
    if (entry.type === 'symlink') return undefined
    this.#file = { path, hash: createHash('sha256'), size: 0 }
    return this.#receiver.begin(path, entry)
  }

  #content(bytes: Uint8Array): Promise<void> | undefined {
    const file = this.#file!
    file.hash.update(bytes)
    file.size += bytes.length
    return this.#receiver.content(bytes)
  }

  #end(): Promise<void> | undefined {
    const { path, hash, size } = this.#file!
    this.#file = undefined
    this.#received.set(path, { size, sha256: hash.digest('hex') })
    return this.#receiver.end()
  }

  #endStage(): void {
    const stage = this.#stage
    this.#stage = { kind: 'none' }
    if (stage.kind === 'archive') stage.tar.end()
    if (stage.kind === 'manifest') this.#manifestText = Buffer.concat(stage.parts)
  }

  #result(): BaseBackup {
    const [start, ...others] = this.#rows
    const end = others.pop()
    const text = this.#manifestText
    if (start === undefined || end === undefined || text === undefined)
      throw new Failure('connection_failed', 'Cannot read a base backup: the server ended it too early')
    const manifest = parseBackupManifest(text)
    verifyReceived(manifest, this.#received)
    return {
      startLsn: parseLsn(start[0]!),
      timeline: Number(start[1]),
      endLsn: parseLsn(end[0]!),
      endTimeline: Number(end[1]),
      tablespaces: others.filter((row) => row[0] !== null).map((row) => ({ oid: row[0]!, location: row[1] ?? '' })),
      manifest,
      manifestText: text,
      bytesReceived: [...this.#received.values()].reduce((sum, { size }) => sum + size, 0),
      warnings: this.#warnings,
    }
  }
}

/** First bytes of copy messages (docs: "BASE_BACKUP"). */
const letter = { newArchive: 0x6e, manifest: 0x6d, data: 0x64, progress: 0x70 } as const
