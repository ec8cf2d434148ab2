import { type ByteName, encodeName, printableName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'

/** NAME_MAX of Linux's file systems. */
const nameBytesMax = 255

/**
 * The name itself, where it is one that a directory can hold. Failure `target_unsafe` for what would lead somewhere
 * else ("", ".", "..", anything with a slash or a NUL): a tree that holds such a name was made to do harm.
 */
export function checkTargetName(name: ByteName): ByteName {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    throw new Failure('target_unsafe', `Cannot restore "${printableName(name)}": expected the plain name of an entry`)
  }
  if (name.length * 3 > nameBytesMax && encodeName(name).length > nameBytesMax) {
    throw new Failure(
      'target_failed',
      `Cannot restore "${printableName(name)}": its name has more than ${nameBytesMax} bytes`,
    )
  }
  return name
}
