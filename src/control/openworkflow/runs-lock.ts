import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { tryLock } from '../../posix/file-lock.ts'

/**
 * Takes the lock that says which process works off the durable runs of a folder. The kernel gives it back when the
 * process ends, however it ends, and not before: one that is suspended keeps it, so nobody takes its run over while it
 * may wake up in the middle of a step. Failure `refused` where another process has it.
 */
export function takeRunsLock(path: string): Disposable {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const fd = openSync(path, 'a', 0o600)
  try {
    if (!tryLock(fd, 'exclusive')) {
      throw new Failure('refused', `Cannot work on what is due: another process does, which holds "${path}"`, {
        facts: { path, hint: 'One service for each state folder is enough; stop the other one first' },
      })
    }
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return { [Symbol.dispose]: () => closeSync(fd) }
}
