/**
 * Compares a directory with its tree in the parent snapshot, as bytes: for each node the name, then what statx(2)
 * answered for it, told as restic tells it (repository/node-json.ts), must be what the tree's JSON goes on with. Nothing
 * is built for it, neither text nor objects. Whatever is unusual is said to differ: the caller then looks the long way.
 */

/** Where the next node begins, and the tree ends. A zero byte must follow the tree: no comparison goes past it. */
let cursor: usize = 0
let treeEnd: usize = 0
/** The name of the node at hand: its first byte, and the byte behind it. */
let nameStart: usize = 0
let nameEnd: usize = 0
let nodeStart: usize = 0
/** The name of the node before, for the order of names. */
let lastStart: usize = 0
let lastEnd: usize = 0
let ownerUid: u32 = 0
let ownerGid: u32 = 0
let ownerBytes: usize = 0
let isOwnerSet: bool = false

/** What matchNode() found, as 32-bit words: node start, node end, content start, content end, subtree start. */
const found: usize = memory.data(5 * 4, 16)
/** The names of the last owner, as a node tells them: `,"user":"root","group":"root"`. */
const owner: usize = memory.data(1024, 16)
const digits: usize = memory.data(32, 16)
const id: usize = memory.data(32, 16)

const differs: i32 = 0
const isFile: i32 = 1
const isDirectory: i32 = 2
const isSymlink: i32 = 3
const needsOwner: i32 = 4

const quote: u8 = 0x22

export function matchFoundAt(): usize {
  return found
}

export function matchOwnerAt(): usize {
  return owner
}

export function matchIdAt(): usize {
  return id
}

/** Begins with the tree in [start, end); whether it begins as a tree does. */
export function beginTree(start: usize, end: usize): bool {
  cursor = start
  treeEnd = end
  lastStart = 0
  lastEnd = 0
  return expect('{"nodes":[')
}

/** The owner of whom owner[0, bytes) tells the names. */
export function setOwner(uid: u32, gid: u32, bytes: usize): void {
  ownerUid = uid
  ownerGid = gid
  ownerBytes = bytes
  isOwnerSet = true
}

/** How many entries struct linux_dirent64 at [at, end) has, but "." and "..". */
export function countEntries(at: usize, end: usize): usize {
  let count: usize = 0
  while (at < end) {
    const name = load<u32>(at, 19)
    const isDot = (name & 0xffff) == 0x2e || (name & 0xffffff) == 0x2e2e
    if (!isDot) count++
    at += <usize>load<u16>(at, 16)
  }
  return count
}

/**
 * Address of the next node's name, which ends with a NUL until matchNode(); 0 at the end of the tree, 1 where a node is
 * unusual: its name has an escape or a slash, or is out of order.
 */
export function nextName(): usize {
  if (load<u8>(cursor) == 0x5d) return 0 // ]
  nodeStart = cursor
  if (!expect('{"name":"')) return 1
  nameStart = cursor
  let at = cursor
  for (; at < treeEnd; at++) {
    const byte = load<u8>(at)
    if (byte == quote) break
    if (byte == 0x5c || byte == 0x2f || byte < 0x20) return 1
  }
  if (at == nameStart || at >= treeEnd) return 1
  if (load<u8>(nameStart) == 0x2e && (at == nameStart + 1 || (at == nameStart + 2 && load<u8>(nameStart, 1) == 0x2e)))
    return 1
  if (!isAfterLast(at)) return 1
  nameEnd = at
  lastStart = nameStart
  lastEnd = nameEnd
  store<u8>(nameEnd, 0)
  return nameStart
}

/** Names stand in the order of their bytes, so each once. */
function isAfterLast(end: usize): bool {
  let a = lastStart
  let b = nameStart
  for (; a < lastEnd && b < end; a++, b++) {
    const x = load<u8>(a)
    const y = load<u8>(b)
    if (x != y) return x < y
  }
  return a == lastEnd && b < end
}

/** Whether the node of nextName() tells of the file that struct statx at `stat` does; then found[] tells where it lies. */
export function matchNode(stat: usize): i32 {
  store<u8>(nameEnd, quote)
  cursor = nameEnd
  const mode = <u32>load<u16>(stat, 28)
  const type = mode & 0o170000
  const kind = type == 0o100000 ? isFile : type == 0o040000 ? isDirectory : type == 0o120000 ? isSymlink : differs
  if (kind == differs) return differs
  const uid = load<u32>(stat, 20)
  const gid = load<u32>(stat, 24)
  if (!isOwnerSet || uid != ownerUid || gid != ownerGid) {
    store<u8>(nameEnd, 0)
    return needsOwner
  }
  if (
    kind == isFile
      ? !expect('","type":"file"')
      : kind == isDirectory
        ? !expect('","type":"dir"')
        : !expect('","type":"symlink"')
  )
    return differs
  if (!expectMember(',"mode":', <u64>goMode(mode, kind))) return differs
  // The access time is not stored: the time of change stands in its place.
  if (!expect(',"mtime":"') || !expectTime(stat + 112)) return differs
  if (!expect('","atime":"') || !expectTime(stat + 112)) return differs
  if (!expect('","ctime":"') || !expectTime(stat + 96)) return differs
  if (!expect('","uid":') || !expectNumber(<u64>uid) || !expect(',"gid":') || !expectNumber(<u64>gid)) return differs
  if (!expectBytes(owner, ownerBytes)) return differs
  if (!expectMember(',"inode":', load<u64>(stat, 32))) return differs
  if (!expectMember(',"device_id":', <u64>deviceNumber(load<u32>(stat, 136), load<u32>(stat, 140)))) return differs
  if (kind == isFile && !expectMember(',"size":', load<u64>(stat, 40))) return differs
  if (kind != isDirectory && !expectMember(',"links":', <u64>load<u32>(stat, 16))) return differs
  if (!expect(',"')) return differs
  cursor-- // The quote begins "content" or what stands before it.
  return endNode() ? kind : differs
}

/** Goes on behind the node, whose beginning was as expected; false where it does not end as restic ends one. */
function endNode(): bool {
  if (!findContent()) return false
  let contentStart = cursor
  let subtree: usize = 0
  if (load<u8>(cursor) == 0x5b) {
    contentStart = ++cursor
    while (cursor < treeEnd && load<u8>(cursor) != 0x5d) cursor++
    store<u32>(found, <u32>cursor, 12)
    cursor++
  } else {
    if (!expect('null')) return false
    store<u32>(found, <u32>contentStart, 12)
    if (load<u8>(cursor) == 0x2c) {
      if (!expect(',"subtree":"')) return false
      subtree = cursor
      cursor += 64
      if (cursor >= treeEnd || load<u8>(cursor++) != quote) return false
    }
  }
  if (cursor >= treeEnd || load<u8>(cursor++) != 0x7d) return false
  store<u32>(found, <u32>nodeStart)
  store<u32>(found, <u32>cursor, 4)
  store<u32>(found, <u32>contentStart, 8)
  store<u32>(found, <u32>subtree, 16)
  const next = load<u8>(cursor)
  if (next == 0x2c) cursor++
  return next == 0x2c || next == 0x5d
}

/** Goes on behind `"content":`. Quotes inside of JSON strings are escaped, so it does not stand within one. */
function findContent(): bool {
  for (; cursor < treeEnd; cursor++) {
    if (load<u8>(cursor) == quote && load<u64>(cursor, 1) == 0x22746e65746e6f63 && load<u8>(cursor, 9) == 0x3a) {
      cursor += 10
      return true
    }
  }
  return false
}

/** The 32 bytes of the id whose 64 digits lie at `at`; false where they are none. */
export function readId(at: usize): bool {
  for (let byte: usize = 0; byte < 32; byte++, at += 2) {
    const high = digit(load<u8>(at))
    const low = digit(load<u8>(at, 1))
    if ((high | low) > 15) return false
    store<u8>(id + byte, <u8>((high << 4) | low))
  }
  return true
}

function digit(code: u8): u32 {
  if (code >= 0x30 && code <= 0x39) return <u32>code - 0x30
  if (code >= 0x61 && code <= 0x66) return <u32>code - 0x57
  return 0xff
}

/** Goes on behind this text where it stands here. */
function expect(text: string): bool {
  const length = <usize>text.length
  const from = changetype<usize>(text)
  for (let at: usize = 0; at < length; at++) {
    if (<u16>load<u8>(cursor + at) != load<u16>(from + 2 * at)) return false
  }
  cursor += length
  return true
}

function expectBytes(from: usize, length: usize): bool {
  for (let at: usize = 0; at < length; at++) if (load<u8>(cursor + at) != load<u8>(from + at)) return false
  cursor += length
  return true
}

/** A member with a number, which restic leaves out where it is 0. */
function expectMember(name: string, value: u64): bool {
  return value == 0 ? true : expect(name) && expectNumber(value)
}

function expectNumber(value: u64): bool {
  let at = digits + 32
  do {
    const rest = value / 10
    at--
    store<u8>(at, <u8>(0x30 + (value - rest * 10)))
    value = rest
  } while (value != 0)
  return expectBytes(at, digits + 32 - at)
}

function expectTwo(value: u32): bool {
  const tens = value / 10
  if (load<u8>(cursor) != <u8>(0x30 + tens) || load<u8>(cursor, 1) != <u8>(0x30 + (value - tens * 10))) return false
  cursor += 2
  return true
}

/** The time in struct statx_timestamp at `at`, in UTC with the decimals that it needs; see model/go-time.ts. */
function expectTime(at: usize): bool {
  const seconds = load<i64>(at)
  let nanoseconds = load<u32>(at, 8)
  if (seconds < -62135596800 || seconds > 253402300799 || nanoseconds >= 1000000000) return false // Years 1 to 9999.
  const sinceEra = <u64>(seconds + 719468 * 86400)
  if (seconds < -719468 * 86400) return false
  const shifted = <u32>(sinceEra / 86400)
  const second = <u32>(sinceEra - <u64>shifted * 86400)
  const era = shifted / 146097
  const dayOfEra = shifted - era * 146097
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  const monthFromMarch = (5 * dayOfYear + 2) / 153
  const day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  if (!expectTwo(year / 100) || !expectTwo(year % 100) || !expect('-') || !expectTwo(month)) return false
  if (!expect('-') || !expectTwo(day) || !expect('T') || !expectTwo(second / 3600)) return false
  if (!expect(':') || !expectTwo((second / 60) % 60) || !expect(':') || !expectTwo(second % 60)) return false
  if (nanoseconds != 0) {
    let width: u32 = 9
    while (nanoseconds % 10 == 0) {
      nanoseconds /= 10
      width--
    }
    for (let place = digits + width; place > digits; nanoseconds /= 10)
      store<u8>(--place, <u8>(0x30 + (nanoseconds % 10)))
    if (!expect('.') || !expectBytes(digits, width)) return false
  }
  return expect('Z')
}

/** Go's os.FileMode; see model/file-mode.ts. */
function goMode(mode: u32, kind: i32): u32 {
  const type: u32 = kind == isFile ? 0 : kind == isDirectory ? 0x80000000 : 0x08000000
  const special: u32 =
    (mode & 0o4000 ? 0x00800000 : 0) | (mode & 0o2000 ? 0x00400000 : 0) | (mode & 0o1000 ? 0x00100000 : 0)
  return type + special + (mode & 0o777)
}

/** st_dev as the kernel packs it for stat(2); see posix/stat.ts. */
function deviceNumber(major: u32, minor: u32): u32 {
  return (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)
}
