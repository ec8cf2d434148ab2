import { hexOfTimeline, parseWalName, type WalName } from '../../sources/postgresql/wal-name.ts'

/** A stored file of the write-ahead log by its object's name, which is the same at both locations. */
export interface WalObjectName {
  readonly systemIdentifier: string
  /** As PostgreSQL names the file: for `part` that of the segment. */
  readonly name: string
  readonly wal: WalName
  /** Present where this is the beginning of a segment that was not full yet: how many bytes of it. */
  readonly partBytes?: number
}

/**
 * Where a file lies below the folder of its source's WAL:
 *
 *   <system identifier>/<timeline>/<log>/<segment>                 a whole segment
 *   <system identifier>/<timeline>/<log>/<segment>.part-<bytes>    its beginning, as far as it was received
 *   <system identifier>/<timeline>/<log>/<segment>.partial         what a promotion left of the old timeline's last one
 *   <system identifier>/<timeline>/<log>/<segment>.<offset>.backup the label of a base backup
 *   <system identifier>/<timeline>/<timeline>.history
 *
 * Timeline and log are the first and the second eight digits of the segment's name: a folder holds 256 segments of 16 MiB.
 * Every object is immutable: a longer beginning of a segment is an object of its own.
 */
export function walObjectName(file: {
  systemIdentifier: string
  name: string
  wal: WalName
  partBytes?: number
}): string {
  const { systemIdentifier, name, wal, partBytes } = file
  const folder = `${systemIdentifier}/${hexOfTimeline(wal.timeline)}`
  if (wal.kind === 'history') return `${folder}/${name}`
  const part = partBytes === undefined ? '' : `.part-${partBytes.toString(16).toUpperCase().padStart(8, '0')}`
  return `${folder}/${hexOfTimeline(wal.log)}/${name}${part}`
}

/** What an object's name below the folder of a source means; undefined where it is none of these. */
export function parseWalObjectName(objectName: string): WalObjectName | undefined {
  const [systemIdentifier, , ...rest] = objectName.split('/')
  const [, name, partHex] = /^(.+?)(?:\.part-([0-9A-F]{8}))?$/.exec(rest.at(-1) ?? '') ?? []
  const wal = name === undefined ? undefined : parseWalName(name)
  if (
    systemIdentifier === undefined ||
    name === undefined ||
    wal === undefined ||
    !/^\d{1,20}$/.test(systemIdentifier)
  ) {
    return undefined
  }
  if (partHex !== undefined && wal.kind !== 'segment') return undefined
  const partBytes = partHex === undefined ? {} : { partBytes: Number.parseInt(partHex, 16) }
  const parsed = { systemIdentifier, name, wal, ...partBytes }
  return walObjectName(parsed) === objectName ? parsed : undefined
}
