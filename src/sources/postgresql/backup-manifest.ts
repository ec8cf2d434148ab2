import { hash } from 'node:crypto'
import { Failure } from '../../base/failure.ts'
import { type ByteName, decodeName, encodeName } from '../../base/byte-name.ts'

/** A file as the server's backup manifest tells it. */
export interface ManifestFile {
  readonly size: number
  /** SHA-256, hex; undefined where the manifest has none of this file. */
  readonly sha256: string | undefined
}

/** The manifest that the server sends at the end of a base backup (docs: "Backup Manifest Format"). */
export interface BackupManifest {
  readonly files: ReadonlyMap<ByteName, ManifestFile>
  readonly walRanges: readonly { readonly timeline: number; readonly start: string; readonly end: string }[]
}

/** Reads a manifest and holds it to its own checksum. Failure `connection_failed` where it is damaged. */
export function parseBackupManifest(text: Uint8Array): BackupManifest {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength)
  const last = bytes.lastIndexOf('\n"Manifest-Checksum":') + 1
  const parsed = last === 0 ? undefined : parse(bytes)
  if (parsed === undefined) throw broken('it is no backup manifest')
  if (hash('sha256', bytes.subarray(0, last)) !== parsed['Manifest-Checksum']) throw broken('its checksum does not fit')
  const files = new Map<ByteName, ManifestFile>()
  for (const file of parsed.Files ?? []) {
    const path = file.Path ?? decodeName(Buffer.from(file['Encoded-Path'] ?? '', 'hex'))
    files.set(path, { size: file.Size, sha256: file['Checksum-Algorithm'] === 'SHA256' ? file.Checksum : undefined })
  }
  const walRanges = (parsed['WAL-Ranges'] ?? []).map((range) => ({
    timeline: range.Timeline,
    start: range['Start-LSN'],
    end: range['End-LSN'],
  }))
  return { files, walRanges }
}

/** What was received, by path, compared with the manifest. Failure `connection_failed` at the first difference. */
export function verifyReceived(
  manifest: BackupManifest,
  received: ReadonlyMap<ByteName, { readonly size: number; readonly sha256: string }>,
): void {
  for (const [path, file] of manifest.files) {
    const got = received.get(path)
    if (got === undefined) throw different(path, 'it was not sent')
    if (got.size !== file.size) throw different(path, `it has ${got.size} bytes, expected ${file.size}`)
    if (file.sha256 !== undefined && got.sha256 !== file.sha256)
      throw different(path, `its SHA-256 is ${got.sha256}, expected ${file.sha256}`)
  }
  for (const path of received.keys()) {
    if (!manifest.files.has(path)) throw different(path, 'it was sent, but the manifest does not name it')
  }
}

/** What is otherwise in the manifest of a whole backup than in that of the incremental which it was made of. */
export interface FileChange {
  readonly size: number
  /** Undefined where it is not known. */
  readonly sha256: string | undefined
}

/**
 * The manifest of a whole backup: that of an incremental one as the server wrote it, with files changed. A change is
 * looked up by the file's path in the incremental; the prefix "INCREMENTAL." goes.
 */
export function changeManifest(text: Uint8Array, changes: ReadonlyMap<ByteName, FileChange>): Buffer {
  const lines = Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8').split('\n')
  const begin = lines.findIndex((line) => line.startsWith('"Files":'))
  const end = lines.indexOf('],', begin)
  const sum = lines.findIndex((line) => line.startsWith('"Manifest-Checksum":'))
  if (begin < 0 || end < 0 || sum < end) throw broken('it is written in a way that is not known')
  const files = lines.slice(begin + 1, end).map((line) => changeLine(line.replace(/,$/, ''), changes))
  const head = [...lines.slice(0, begin + 1), files.join(',\n'), ...lines.slice(end, sum)].join('\n')
  const whole = `${head}\n`
  return Buffer.from(`${whole}"Manifest-Checksum": "${hash('sha256', whole)}"}\n`, 'utf8')
}

function changeLine(line: string, changes: ReadonlyMap<ByteName, FileChange>): string {
  const file = JSON.parse(line) as NonNullable<ManifestJson['Files']>[number]
  const encoded = file['Encoded-Path']
  const path = file.Path ?? decodeName(Buffer.from(encoded ?? '', 'hex'))
  const change = changes.get(path)
  if (change === undefined) return line
  const wholePath = path.replace(/(^|\/)INCREMENTAL\.([^/]+)$/, '$1$2')
  const members = [
    encoded === undefined
      ? `"Path": ${JSON.stringify(wholePath)}`
      : `"Encoded-Path": "${encodeName(wholePath).toString('hex')}"`,
    `"Size": ${change.size}`,
    `"Last-Modified": ${JSON.stringify(file['Last-Modified'] ?? '')}`,
  ]
  if (change.sha256 !== undefined) members.push(`"Checksum-Algorithm": "SHA256", "Checksum": "${change.sha256}"`)
  return `{ ${members.join(', ')} }`
}

interface ManifestJson {
  readonly Files?: readonly {
    readonly Path?: string
    readonly 'Encoded-Path'?: string
    readonly Size: number
    readonly 'Last-Modified'?: string
    readonly 'Checksum-Algorithm'?: string
    readonly Checksum?: string
  }[]
  readonly 'WAL-Ranges'?: readonly {
    readonly Timeline: number
    readonly 'Start-LSN': string
    readonly 'End-LSN': string
  }[]
  readonly 'Manifest-Checksum'?: string
}

function parse(bytes: Buffer): ManifestJson | undefined {
  try {
    return JSON.parse(bytes.toString('utf8')) as ManifestJson
  } catch {
    return undefined // The caller says what it is not.
  }
}

function broken(found: string): Failure {
  return new Failure('connection_failed', `Cannot read the server's backup manifest: ${found}`)
}

function different(path: ByteName, found: string): Failure {
  return new Failure(
    'connection_failed',
    `Cannot back up "${path}": what arrived is not what the server sent: ${found}`,
  )
}
