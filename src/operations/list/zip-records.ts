import { permissionsOfGoMode } from '../../model/file-mode.ts'

/** One entry of a zip archive. The last three members are known only after its content was written. */
export interface ZipEntry {
  readonly name: Buffer
  readonly isUtf8: boolean
  readonly type: 'file' | 'dir' | 'symlink'
  /** Go's os.FileMode. */
  readonly permissions: number
  readonly mtimeSeconds: number
  /** Offset of its local header in the archive, bytes. */
  readonly start: number
  /** Whether its lengths need 64 bits. */
  readonly large: boolean
  crc: number
  bytes: number
  storedBytes: number
}

const max32 = 0xffff_ffff
const max16 = 0xffff
const versionPlain = 20
const versionLarge = 45
const madeByUnix = 3 << 8
/** Lengths and checksum follow the content; names are UTF-8. */
const flagDescriptor = 0x0008
const flagUtf8 = 0x0800

/** What stands before an entry's content. */
export function zipLocalHeader(entry: ZipEntry): Buffer {
  const large = entry.large ? numbers([2, 0x0001], [2, 16], [8, 0], [8, 0]) : Buffer.alloc(0)
  const extra = Buffer.concat([timeField(entry), large])
  return Buffer.concat([
    numbers([4, 0x04034b50], [2, entry.large ? versionLarge : versionPlain]),
    commonFields(entry),
    numbers([4, 0], [4, entry.large ? max32 : 0], [4, entry.large ? max32 : 0]),
    numbers([2, entry.name.length], [2, extra.length]),
    entry.name,
    extra,
  ])
}

/** What stands behind it. */
export function zipDataDescriptor({ crc, bytes, storedBytes, large }: ZipEntry): Buffer {
  const width = large ? 8 : 4
  return numbers([4, 0x08074b50], [4, crc], [width, storedBytes], [width, bytes])
}

/** The entry in the table of contents. */
export function zipCentralHeader(entry: ZipEntry): Buffer {
  const { bytes, storedBytes, start, name } = entry
  const long = entry.large || bytes >= max32 || storedBytes >= max32 || start >= max32
  const large = long ? numbers([2, 0x0001], [2, 24], [8, bytes], [8, storedBytes], [8, start]) : Buffer.alloc(0)
  const extra = Buffer.concat([timeField(entry), large])
  return Buffer.concat([
    numbers([4, 0x02014b50], [2, madeByUnix | versionLarge], [2, long ? versionLarge : versionPlain]),
    commonFields(entry),
    numbers([4, entry.crc], [4, long ? max32 : storedBytes], [4, long ? max32 : bytes]),
    numbers([2, name.length], [2, extra.length], [2, 0], [2, 0], [2, 0]),
    numbers([4, unixMode(entry) * 0x10000 + (entry.type === 'dir' ? 0x10 : 0)], [4, long ? max32 : start]),
    name,
    extra,
  ])
}

/** The end of the archive. */
export function zipEnd(archive: {
  readonly entries: number
  readonly centralStart: number
  readonly centralBytes: number
}): Buffer {
  const { entries, centralStart, centralBytes } = archive
  const long = entries >= max16 || centralStart >= max32 || centralBytes >= max32
  const large = long
    ? Buffer.concat([
        numbers([4, 0x06064b50], [8, 44], [2, madeByUnix | versionLarge], [2, versionLarge], [4, 0], [4, 0]),
        numbers([8, entries], [8, entries], [8, centralBytes], [8, centralStart]),
        numbers([4, 0x07064b50], [4, 0], [8, centralStart + centralBytes], [4, 1]),
      ])
    : Buffer.alloc(0)
  const count = Math.min(entries, max16)
  return Buffer.concat([
    large,
    numbers([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count]),
    numbers([4, Math.min(centralBytes, max32)], [4, Math.min(centralStart, max32)], [2, 0]),
  ])
}

/** Flags, method and time, alike in both headers. */
function commonFields(entry: ZipEntry): Buffer {
  const flags = flagDescriptor | (entry.isUtf8 ? flagUtf8 : 0)
  const { date, time } = dosTime(entry.mtimeSeconds)
  return numbers([2, flags], [2, entry.type === 'file' ? 8 : 0], [2, time], [2, date])
}

/** The "extended timestamp": seconds of Unix, where 32 bits hold them. */
function timeField({ mtimeSeconds }: ZipEntry): Buffer {
  if (mtimeSeconds < -0x8000_0000 || mtimeSeconds > 0x7fff_ffff) return Buffer.alloc(0)
  return numbers([2, 0x5455], [2, 5], [1, 1], [4, mtimeSeconds >>> 0])
}

/** UTC in the time of DOS, which begins in 1980, ends in 2107 and counts two seconds. */
function dosTime(seconds: number): { readonly date: number; readonly time: number } {
  const bounded = Math.min(Math.max(seconds, 315_532_800), 4_354_819_199)
  const date = new Date(bounded * 1000)
  return {
    date: ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate(),
    time: (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1),
  }
}

const statTypes = { file: 0o100000, dir: 0o040000, symlink: 0o120000 } as const

function unixMode({ type, permissions }: ZipEntry): number {
  return statTypes[type] | permissionsOfGoMode(permissions)
}

/** Little-endian numbers, each by its width in bytes. */
function numbers(...fields: readonly (readonly [width: 1 | 2 | 4 | 8, value: number])[]): Buffer {
  const bytes = Buffer.alloc(fields.reduce((total, [width]) => total + width, 0))
  let at = 0
  for (const [width, value] of fields) {
    if (width === 8) at = bytes.writeBigUInt64LE(BigInt(value), at)
    else at = bytes.writeUIntLE(value, at, width)
  }
  return bytes
}
