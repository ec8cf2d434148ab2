import { createHash } from 'node:crypto'
import { type BigIntStats, closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { attributesOf } from './extended-attributes.ts'

/** All that a backup must bring back of one file. Absent where the type of file has none. */
export interface FileFacts {
  readonly type: 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'block device' | 'character device'
  /** Permission and set-id bits, octal; of a symlink none. */
  readonly mode?: string
  readonly owner: string
  readonly mtimeNs: bigint
  readonly attributes: string
  readonly size?: bigint
  /** SHA-256 of the content. */
  readonly content?: string
  readonly target?: string
  readonly device?: bigint
  /** The first path of the tree that is the same file, where a file has several. */
  readonly sameAs?: string
}

/**
 * The facts of every file below `root`, and of root itself under '.', by path. Bytes of names that are not
 * UTF-8 stand as latin1 would show them, so that each path is one of its own.
 */
export function treeFacts(root: string): Map<string, FileFacts> {
  const facts = new Map<string, FileFacts>()
  const firstPathOfInode = new Map<string, string>()
  const visit = (path: Buffer, shown: string): void => {
    const stats = lstatSync(path, { bigint: true })
    facts.set(shown, fileFacts(path, shown, stats, firstPathOfInode))
    if (!stats.isDirectory()) return
    for (const name of readdirSync(path, { encoding: 'buffer' }).toSorted((a, b) => a.compare(b))) {
      visit(
        Buffer.concat([path, Buffer.from('/'), name]),
        shown === '.' ? name.toString('latin1') : `${shown}/${name.toString('latin1')}`,
      )
    }
  }
  visit(Buffer.from(root), '.')
  return facts
}

function fileFacts(path: Buffer, shown: string, stats: BigIntStats, firstPathOfInode: Map<string, string>): FileFacts {
  const type = typeOf(stats)
  const inode = `${stats.dev}:${stats.ino}`
  const first = firstPathOfInode.get(inode)
  if (type !== 'directory' && stats.nlink > 1n && first === undefined) firstPathOfInode.set(inode, shown)
  return {
    type,
    ...(type === 'symlink' ? {} : { mode: (stats.mode & 0o7777n).toString(8) }),
    owner: `${stats.uid}:${stats.gid}`,
    mtimeNs: stats.mtimeNs,
    attributes: JSON.stringify(attributesOf(path)),
    ...(type === 'file' ? { size: stats.size, content: contentHash(path) } : {}),
    ...(type === 'symlink' ? { target: readlinkSync(path, { encoding: 'buffer' }).toString('latin1') } : {}),
    ...(type.endsWith('device') ? { device: stats.rdev } : {}),
    ...(first === undefined ? {} : { sameAs: first }),
  }
}

function typeOf(stats: BigIntStats): FileFacts['type'] {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isFIFO()) return 'fifo'
  if (stats.isSocket()) return 'socket'
  return stats.isBlockDevice() ? 'block device' : 'character device'
}

const readBuffer = Buffer.alloc(1024 * 1024)

function contentHash(path: Buffer): string {
  const digest = createHash('sha256')
  const fd = openSync(path, 'r')
  try {
    for (let count = readSync(fd, readBuffer); count > 0; count = readSync(fd, readBuffer)) {
      digest.update(readBuffer.subarray(0, count))
    }
  } finally {
    closeSync(fd)
  }
  return digest.digest('hex')
}
