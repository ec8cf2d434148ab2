import { checked, libc } from './libc.ts'

/**
 * Reads from `offset` of an open file until `into` is full or the file ends; answers the number of bytes. `into` may
 * lie in shared memory. Throws SystemError.
 */
export function readAt(fd: number, into: Uint8Array, offset: number): number {
  let filled = 0
  while (filled < into.length) {
    const count = checked('pread', libc.pread(fd, into.subarray(filled), into.length - filled, offset + filled))
    if (count === 0) break
    filled += count
  }
  return filled
}
