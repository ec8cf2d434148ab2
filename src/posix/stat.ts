import { emptyCString, type CString } from './c-string.ts'
import { type FileType, fileTypeOfMode } from './file-type.ts'
import { lastError, lastingAddressOf, libc } from './libc.ts'

/**
 * What the system knows of a file. Plain fields at one level, for quick comparing. A 64-bit value is a bigint
 * only where a number would lose digits (inodes of some network file systems); times before 1970 have negative
 * seconds and nanoseconds that still count upwards.
 */
export interface FileStat {
  readonly type: FileType
  /** st_mode: type and permission bits as the system has them. */
  readonly mode: number
  readonly inode: number | bigint
  /** st_dev and st_rdev. */
  readonly deviceId: number
  readonly device: number
  readonly links: number
  readonly uid: number
  readonly gid: number
  /** Bytes. */
  readonly size: number
  /** Bytes that the file takes on disk; less than `size` where it is sparse. */
  readonly allocatedBytes: number
  readonly mtimeSeconds: number
  readonly mtimeNanoseconds: number
  readonly ctimeSeconds: number
  readonly ctimeNanoseconds: number
  readonly atimeSeconds: number
  readonly atimeNanoseconds: number
}

const atSymlinkNoFollow = 0x100
const atNoAutomount = 0x800
const atEmptyPath = 0x1000
/** An entry of a directory is asked for itself, and never mounted for it. */
const entryFlags = atSymlinkNoFollow | atNoAutomount
/** STATX_BASIC_STATS: all that stat(2) knows. */
const basicStats = 0x7ff
const statxBytes = 256

// One answer at a time: a call fills this and readAnswer() empties it before anything else can run in the thread.
const answer = Buffer.alloc(statxBytes)
const words = new Uint32Array(answer.buffer, answer.byteOffset, statxBytes / 4)
const signedWords = new Int32Array(answer.buffer, answer.byteOffset, statxBytes / 4)
// Asked for with the first call: a thread that asks for no file's state needs none of this.
let places: { readonly answer: number; readonly emptyPath: number } | undefined

/** The file of this name in the directory, a symlink itself and not what it points to. Throws SystemError. */
export function statAt(dirFd: number, name: CString): FileStat {
  if (libc.statxNamed(dirFd, name, entryFlags, basicStats, addresses().answer) === -1) raise()
  return readAnswer()
}

/** The same for the name that lies at an address, for long lists of names; undefined where the call failed (see lastError()). */
export function statAtAddress(dirFd: number, nameAddress: number): FileStat | undefined {
  return libc.statx(dirFd, nameAddress, entryFlags, basicStats, addresses().answer) === -1 ? undefined : readAnswer()
}

/** Bytes of struct statx, as the system fills it. */
export const statBytes = statxBytes

/** The system's answer itself, for the name at an address, to the statBytes at another; false where the call failed. */
export function statRaw(dirFd: number, nameAddress: number, intoAddress: number): boolean {
  return libc.statx(dirFd, nameAddress, entryFlags, basicStats, intoAddress) !== -1
}

/** The file that this descriptor is open for. Throws SystemError. */
export function statOpen(fd: number): FileStat {
  const { answer: into, emptyPath } = addresses()
  if (libc.statx(fd, emptyPath, atEmptyPath, basicStats, into) === -1) raise()
  return readAnswer()
}

function addresses(): NonNullable<typeof places> {
  places ??= { answer: lastingAddressOf(answer), emptyPath: lastingAddressOf(emptyCString) }
  return places
}

function raise(): never {
  throw lastError('statx')
}

/** Fields of struct statx by the offsets of its manual page; both machines are little-endian. */
function readAnswer(): FileStat {
  const mode = words[7]! & 0xffff
  return {
    type: fileTypeOfMode(mode),
    mode,
    inode: unsigned64(8),
    deviceId: deviceNumber(words[34]!, words[35]!),
    device: deviceNumber(words[32]!, words[33]!),
    links: words[4]!,
    uid: words[5]!,
    gid: words[6]!,
    size: words[11]! * 0x1_0000_0000 + words[10]!,
    allocatedBytes: (words[13]! * 0x1_0000_0000 + words[12]!) * 512,
    mtimeSeconds: signedWords[29]! * 0x1_0000_0000 + words[28]!,
    mtimeNanoseconds: words[30]!,
    ctimeSeconds: signedWords[25]! * 0x1_0000_0000 + words[24]!,
    ctimeNanoseconds: words[26]!,
    atimeSeconds: signedWords[17]! * 0x1_0000_0000 + words[16]!,
    atimeNanoseconds: words[18]!,
  }
}

function unsigned64(word: number): number | bigint {
  const high = words[word + 1]!
  const low = words[word]!
  return high < 0x20_0000 ? high * 0x1_0000_0000 + low : (BigInt(high) << 32n) | BigInt(low)
}

/** st_dev as the kernel packs it for stat(2): twelve bits of major and twenty of minor. */
function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0
}
