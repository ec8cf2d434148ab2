/** What kinds of file there are, in restic's words; 'irregular' is what the system calls by none of these. */
export type FileType = 'file' | 'dir' | 'symlink' | 'dev' | 'chardev' | 'fifo' | 'socket' | 'irregular'

/** Type bits of st_mode (POSIX), the same on every Linux. */
const typeMask = 0o170000
const bitsOfFifo = 0o010000
const bitsOfCharacterDevice = 0o020000
const bitsOfBlockDevice = 0o060000

/** The type that st_mode tells. */
export function fileTypeOfMode(mode: number): FileType {
  switch (mode & typeMask) {
    case 0o100000:
      return 'file'
    case 0o040000:
      return 'dir'
    case 0o120000:
      return 'symlink'
    case bitsOfBlockDevice:
      return 'dev'
    case bitsOfCharacterDevice:
      return 'chardev'
    case bitsOfFifo:
      return 'fifo'
    case 0o140000:
      return 'socket'
    default:
      return 'irregular'
  }
}

/** The type bits for mknod(2); undefined for types that are not made by it here. */
export function makeNodeBits(type: FileType): number | undefined {
  switch (type) {
    case 'fifo':
      return bitsOfFifo
    case 'dev':
      return bitsOfBlockDevice
    case 'chardev':
      return bitsOfCharacterDevice
    default:
      return undefined
  }
}
