import { spawnSync } from 'node:child_process'

const nobody = 65_534

/**
 * Why tests can not run a part of themselves as an ordinary user here, false where they can: for the `skip` of
 * node:test. A checkout in a folder that is closed to others (root's home, say) can not be read by one.
 */
export const noOrdinaryUser: string | false = whyNone()

function whyNone(): string | false {
  if (process.getuid?.() !== 0) return 'only root can become another user'
  const run = spawnSync(process.execPath, ['--check', import.meta.filename], { uid: nobody, gid: nobody, cwd: '/' })
  return run.status === 0 ? false : 'no ordinary user can read this checkout'
}
