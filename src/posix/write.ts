import { checked, libc } from './libc.ts'

/**
 * Writes all of `bytes` at `offset` of an open file. They may lie in shared memory. Throws SystemError; ENOSPC and EIO
 * may leave a part written.
 */
export function writeAt(fd: number, bytes: Uint8Array, offset: number): void {
  for (let written = 0; written < bytes.length; ) {
    const rest = bytes.subarray(written)
    written += checked('pwrite', libc.pwrite(fd, rest, rest.length, offset + written))
  }
}
