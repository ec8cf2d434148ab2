import { readFile, rename, unlink } from 'node:fs/promises'
import { z } from 'zod'
import { throwIfStopped } from '../base/abort.ts'
import { errorCode } from '../base/error-code.ts'
import { Failure } from '../base/failure.ts'
import { processBirth } from '../base/process-birth.ts'
import { fileTrouble } from './file-trouble.ts'
import type { KeyringWorld } from './keyring-world.ts'
import { writeSynced } from './write-new-file.ts'

const waitMs = 50
/** A write takes milliseconds, a rewrap a second: who holds the lock longer than this is stuck. */
const waitsMax = 200

const lockSchema = z.strictObject({
  host: z.string(),
  processId: z.int().positive(),
  /** Tells the process from a later one of the same number; absent where the machine does not say. */
  process: z.string().optional(),
  token: z.string(),
})
type LockRecord = z.output<typeof lockSchema>

/** The right to write a keyring, until it is released. */
export interface KeyringLock extends AsyncDisposable {
  /** Failure `keyring_busy` where the lock is somebody else's by now. To be called right before a write's commit point. */
  requireHeld(): Promise<void>
}

/**
 * Takes the lock beside a keyring's file: a file with host and process of its holder, made so that only one can. The lock
 * of a process of this host that runs no more is taken over, and one that its maker did not live to write. Waits ten seconds for a living one; Failure `keyring_busy` then.
 */
export async function takeKeyringLock(file: string, world: KeyringWorld, signal: AbortSignal): Promise<KeyringLock> {
  const path = `${file}.lock`
  const mine: LockRecord = {
    host: world.hostname,
    processId: world.processId,
    process: processBirth(world.processId),
    token: Buffer.from(world.random(16)).toString('hex'),
  }
  for (let waits = 0; ; ) {
    throwIfStopped(signal)
    if (await putLock(path, mine)) return heldLock(path, mine)
    const found = await readLock(path)
    if (found === 'gone') continue
    if (found.record !== undefined && isStale(found.record, world)) {
      await putAside(path, found.text, mine.token)
      continue
    }
    waits += 1
    if (waits <= waitsMax) await world.clock.sleep(waitMs, signal)
    else if (found.record === undefined && waits === waitsMax + 1) await putAside(path, found.text, mine.token)
    else throw inUse(path, found.record)
  }
}

async function putLock(path: string, record: LockRecord): Promise<boolean> {
  try {
    await writeSynced(path, Buffer.from(`${JSON.stringify(record)}\n`))
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw fileTrouble(error, 'lock keyring by', path)
  }
}

async function readLock(
  path: string,
): Promise<'gone' | { readonly text: string; readonly record: LockRecord | undefined }> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 'gone'
    throw fileTrouble(error, 'read lock of keyring', path)
  }
  try {
    return { text, record: lockSchema.parse(JSON.parse(text)) }
  } catch {
    return { text, record: undefined } // Its writer has made it and not yet written it, or died between.
  }
}

function isStale(record: LockRecord, world: KeyringWorld): boolean {
  if (record.host !== world.hostname) return false
  if (!world.isProcessAlive(record.processId)) return true
  const now = processBirth(record.processId)
  return record.process !== undefined && now !== undefined && record.process !== now
}

/**
 * Takes a dead holder's lock away. By a rename, which tells what was taken: where another process was faster, it
 * may be that one's living lock, which is put back. Its holder looks once more before it commits (requireHeld()).
 */
async function putAside(path: string, stale: string, token: string): Promise<void> {
  const aside = `${path}.${token}`
  try {
    await rename(path, aside)
    if ((await readFile(aside, 'utf8')) === stale) await unlink(aside)
    else await rename(aside, path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw fileTrouble(error, 'take over lock of keyring', path)
  }
}

function heldLock(path: string, mine: LockRecord): KeyringLock {
  const isMine = async (): Promise<boolean> => {
    const found = await readLock(path)
    return found !== 'gone' && found.record?.token === mine.token
  }
  return {
    requireHeld: async () => {
      if (!(await isMine())) {
        throw new Failure('keyring_busy', `Cannot write the keyring: its lock "${path}" was taken away by somebody`)
      }
    },
    [Symbol.asyncDispose]: async () => {
      // A lock that stays is taken over once this process has ended.
      if (await isMine().catch(() => false)) await unlink(path).catch(() => {})
    },
  }
}

function inUse(path: string, holder: LockRecord | undefined): Failure {
  const found =
    holder === undefined
      ? 'its lock can not be read'
      : `process ${holder.processId} of host "${holder.host}" is writing it`
  return new Failure('keyring_busy', `Cannot write the keyring: ${found}`, {
    facts: { hint: `If no program runs there any more, remove "${path}" and try again` },
  })
}
