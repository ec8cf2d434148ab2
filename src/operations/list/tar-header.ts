import { type ByteName, encodeName } from '../../base/byte-name.ts'
import { permissionsOfGoMode } from '../../model/file-mode.ts'
import { goZeroTime, parseGoTime } from '../../model/go-time.ts'
import type { Node, NodeType } from '../../model/node.ts'
import { paxRecords, tarNameBytesMax, tarOwnerBytesMax } from './pax-records.ts'
import { tarNumber } from './tar-number.ts'

/** The letters of POSIX's ustar format. */
const typeLetters: Readonly<Partial<Record<NodeType, string>>> = {
  file: '0',
  symlink: '2',
  chardev: '3',
  dev: '4',
  dir: '5',
  fifo: '6',
}

const blockBytes = 512

/** The header blocks of one entry: a pax header where the entry does not fit into a plain one. Undefined for types that tar has not. */
export function tarHeader(name: ByteName, node: Node): Buffer | undefined {
  const letter = typeLetters[node.type]
  if (letter === undefined) return undefined
  const records = paxRecords(name, node)
  const mtime = parseGoTime(node.mtime ?? goZeroTime)
  const main = headerBlock({
    name: encodeName(name),
    letter,
    mode: permissionsOfGoMode(node.mode ?? 0),
    uid: node.uid,
    gid: node.gid,
    size: node.type === 'file' ? (node.size ?? 0) : 0,
    mtime: mtime.seconds,
    link: encodeName(node.linktarget ?? ''),
    user: node.user ?? '',
    group: node.group ?? '',
    device: node.type === 'dev' || node.type === 'chardev' ? BigInt(node.device ?? 0) : 0n,
  })
  if (records.length === 0) return main
  const pax = headerBlock({
    name: Buffer.concat([Buffer.from('PaxHeaders/'), encodeName(name)]).subarray(0, tarNameBytesMax),
    letter: 'x',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: records.length,
    mtime: 0,
    link: Buffer.alloc(0),
    user: '',
    group: '',
    device: 0n,
  })
  const rest = (blockBytes - (records.length % blockBytes)) % blockBytes
  return Buffer.concat([pax, records, Buffer.alloc(rest), main])
}

interface HeaderFields {
  readonly name: Buffer
  readonly letter: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
  readonly link: Buffer
  readonly user: string
  readonly group: string
  readonly device: bigint
}

/** One block. What is too long for its field is cut here and whole in the pax header. */
function headerBlock(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(blockBytes)
  fields.name.copy(block, 0, 0, Math.min(fields.name.length, tarNameBytesMax))
  tarNumber(block, 100, 8, fields.mode)
  tarNumber(block, 108, 8, fields.uid)
  tarNumber(block, 116, 8, fields.gid)
  tarNumber(block, 124, 12, fields.size)
  tarNumber(block, 136, 12, fields.mtime)
  block.write('        ', 148, 'latin1') // The checksum counts its own field as spaces.
  block.write(fields.letter, 156, 'latin1')
  fields.link.copy(block, 157, 0, Math.min(fields.link.length, tarNameBytesMax))
  block.write('ustar\x0000', 257, 'latin1')
  block.write(fields.user, 265, tarOwnerBytesMax, 'utf8')
  block.write(fields.group, 297, tarOwnerBytesMax, 'utf8')
  const { major, minor } = deviceNumbers(fields.device)
  tarNumber(block, 329, 8, major)
  tarNumber(block, 337, 8, minor)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

/** Linux's makedev(), read backwards. */
function deviceNumbers(device: bigint): { readonly major: number; readonly minor: number } {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n)
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffff_ff00n)
  return { major: Number(major), minor: Number(minor) }
}
