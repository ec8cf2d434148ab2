import { type ByteName, decodeName } from '../base/byte-name.ts'
import type { FileType } from './file-type.ts'
import { addressOf, checked, libc } from './libc.ts'

/** What d_type says, where the file system says it: DT_FIFO to DT_SOCK by their numbers. */
const entryTypes: Readonly<Record<number, FileType>> = {
  1: 'fifo',
  2: 'chardev',
  4: 'dir',
  6: 'dev',
  8: 'file',
  10: 'symlink',
  12: 'socket',
}

/** Some thousand entries a call; a directory of more takes more calls. */
const bufferBytes = 256 * 1024
// Filled and used up within one call of forEachEntry(), or put aside by it for the time of the visit.
let spare: { readonly buffer: Buffer; readonly address: number } | undefined

/**
 * Calls `visit` for every entry of the open directory but "." and "..", in the directory's own order, from where
 * the descriptor stands. `type` is undefined where the file system does not tell it; `nameAddress` points to the
 * name as a C string and holds until `visit` returns. Throws SystemError; what `visit` throws passes through.
 */
export function forEachEntry(
  fd: number,
  visit: (name: ByteName, type: FileType | undefined, nameAddress: number) => void,
): void {
  const { buffer, address } = spare ?? newBuffer()
  spare = undefined // A visit that lists another directory gets a buffer of its own.
  for (;;) {
    const filled = checked('getdents64', libc.getdents64(fd, buffer, bufferBytes))
    if (filled === 0) break
    for (let at = 0; at < filled; ) {
      // struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name with its NUL.
      const length = buffer.readUInt16LE(at + 16)
      const nameAt = at + 19
      const end = buffer.indexOf(0, nameAt)
      if (!isDotName(buffer, nameAt, end)) {
        visit(nameOf(buffer, nameAt, end), entryTypes[buffer[at + 18]!], address + nameAt)
      }
      at += length
    }
  }
  spare = { buffer, address }
}

/** The next entries of the open directory as the system tells them (struct linux_dirent64); 0 bytes at its end. Throws SystemError. */
export function readEntries(fd: number, into: Uint8Array): number {
  return checked('getdents64', libc.getdents64(fd, into, into.length))
}

/** Has the next reading of the open directory begin at its first entry. */
export function rewindEntries(fd: number): void {
  checked('lseek', libc.lseek(fd, 0, 0))
}

function newBuffer(): { buffer: Buffer; address: number } {
  const buffer = Buffer.alloc(bufferBytes)
  return { buffer, address: addressOf(buffer) }
}

function isDotName(buffer: Buffer, start: number, end: number): boolean {
  const length = end - start
  if (length > 2 || buffer[start] !== 0x2e) return false
  return length === 1 || buffer[start + 1] === 0x2e
}

function nameOf(buffer: Buffer, start: number, end: number): ByteName {
  for (let at = start; at < end; at++) if (buffer[at]! > 0x7f) return decodeName(buffer.subarray(start, end))
  return buffer.toString('latin1', start, end)
}
