import type { ByteName } from '../../base/byte-name.ts'
import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'

/**
 * Why an entry is not, or not wholly, in a backup. `isHole` says whether the backup is less than it should be, so
 * that it ends as "done with gaps"; the others are told and no more.
 */
export const GAP_REASONS = {
  vanished: { isHole: true, meaning: 'It was listed, but was gone when it was to be read.' },
  changed: { isHole: true, meaning: 'It changed while it was read: what is stored may be a mixture of old and new.' },
  denied: { isHole: true, meaning: 'The system refused to let this user read it.' },
  unreadable: { isHole: true, meaning: 'Reading it failed.' },
  metadata: { isHole: true, meaning: 'It is stored, but some of its extended attributes could not be read.' },
  irregular: { isHole: true, meaning: 'It is of a type that a backup can not hold.' },
  socket: { isHole: false, meaning: 'It is a socket: there is nothing in it to store.' },
} as const satisfies Record<string, { isHole: boolean; meaning: string }>

export type GapReason = keyof typeof GAP_REASONS

/** Something of the source that is not in the backup as it should be. */
export interface Gap {
  readonly path: ByteName
  readonly reason: GapReason
  /** For people: what was found, such as the system's error. */
  readonly detail: string
}

/** Whether the backup is less than it should be because of this gap. */
export function isHole(gap: Gap): boolean {
  return GAP_REASONS[gap.reason].isHole
}

/** The gap that a failed system call stands for. */
export function gapOfError(path: ByteName, error: unknown): Gap {
  return { path, reason: reasonOf(errorCode(error)), detail: errorMessage(error) }
}

function reasonOf(code: string | undefined): GapReason {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR': // A directory on the way became something else.
    case 'ESTALE': // The same, told by NFS.
      return 'vanished'
    case 'EACCES':
    case 'EPERM':
      return 'denied'
    case 'ELOOP': // A symlink stands where a file was.
      return 'changed'
    default:
      return 'unreadable'
  }
}
