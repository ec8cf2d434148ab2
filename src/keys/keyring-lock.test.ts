import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { keyringWorld } from '../../testing/fresh-keyring.ts'
import { temporaryFolder } from '../../testing/temporary-folder.ts'
import { neverStopped } from '../base/abort.ts'
import { processBirth } from '../base/process-birth.ts'
import { takeKeyringLock } from './keyring-lock.ts'

const signal = neverStopped()
const host = 'test-host'

test('takeKeyringLock() lets one in at a time, waits for a living holder, and says who it is', async () => {
  await using folder = temporaryFolder('lock')
  const file = folder.at('keyring.json')
  {
    await using held = await takeKeyringLock(file, keyringWorld(), signal)
    await held.requireHeld()
    const message = new RegExp(`process ${process.pid} of host "test-host" is writing it`)
    await assert.rejects(takeKeyringLock(file, keyringWorld(), signal), { code: 'keyring_busy', message })
    await assert.rejects(takeKeyringLock(file, keyringWorld(), AbortSignal.abort()), { code: 'stopped' })
    await held.requireHeld()
  }
  assert.equal(existsSync(`${file}.lock`), false)
})

test('takeKeyringLock() takes over what a dead process left, also where its number lives again, and never that of another host', async () => {
  await using folder = temporaryFolder('lock')
  const file = folder.at('keyring.json')
  const left = async (record: object | string): Promise<void> => {
    writeFileSync(`${file}.lock`, typeof record === 'string' ? record : JSON.stringify(record))
    await using lock = await takeKeyringLock(file, keyringWorld(), signal)
    await lock.requireHeld()
  }
  await left({ host, processId: 2 ** 22 + 1, token: 'x' })
  await left({ host, processId: process.pid, process: 'another boot/1', token: 'x' })
  await left('') // Killed between making and writing it.
  await left('{"host":"te')
  await assert.rejects(left({ host, processId: process.pid, process: processBirth(process.pid), token: 'x' }), {
    code: 'keyring_busy',
  })
  const away = { host: 'other-host', processId: 2 ** 22 + 1, token: 'x' }
  await assert.rejects(left(away), { code: 'keyring_busy', message: /host "other-host"/ })
  assert.equal(readFileSync(`${file}.lock`, 'utf8'), JSON.stringify(away))
})

test('requireHeld() refuses where somebody took the lock away, and its release leaves theirs', async () => {
  await using folder = temporaryFolder('lock')
  const file = folder.at('keyring.json')
  const theirs = JSON.stringify({ host: 'other-host', processId: 1, token: 'y' })
  {
    await using lock = await takeKeyringLock(file, keyringWorld(), signal)
    writeFileSync(`${file}.lock`, theirs)
    await assert.rejects(lock.requireHeld(), { code: 'keyring_busy' })
  }
  assert.equal(readFileSync(`${file}.lock`, 'utf8'), theirs)
})
