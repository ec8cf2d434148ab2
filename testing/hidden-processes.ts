import { spawnSync } from 'node:child_process'
import { userInfo } from 'node:os'

const nobody = 65_534
const hide = 'mount -t proc -o hidepid=2 proc /proc'
const become = `setpriv --reuid=${nobody} --regid=${nobody} --clear-groups`

/** The words of a shell by which it runs `"$@"` as a user who sees no processes but their own. */
export const amongHiddenProcesses = `${hide} && exec ${become} "$@"`

/**
 * Why nobody can be shown a machine here that hides the processes of others, false where it can: for the `skip` of node:test.
 */
export const noHiddenProcesses: string | false = whyNone()

function whyNone(): string | false {
  if (userInfo().uid !== 0) return 'only root can hide processes'
  const words = ['-m', '/bin/sh', '-c', amongHiddenProcesses, 'sh', '/bin/sh', '-c', '[ ! -d /proc/1 ]']
  return spawnSync('unshare', words, { stdio: 'ignore' }).status === 0 ? false : 'this machine hides no processes'
}
