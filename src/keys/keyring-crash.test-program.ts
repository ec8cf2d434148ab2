/**
 * Changes a keyring and dies by SIGKILL right before a step of the write, for keyring-crash.test.ts.
 * Words: file, key file, change, step (or "none"), new key file.
 */
import { randomBytes } from 'node:crypto'
import { neverStopped } from '../base/abort.ts'
import { systemClock } from '../base/clock.ts'
import { isProcessAlive } from '../base/process-alive.ts'
import { createKeyring, openKeyring } from './open-keyring.ts'

const [file, keyFile, change, step, newKeyFile] = process.argv.slice(2)
const signal = neverStopped()
const world = {
  clock: systemClock,
  random: (count: number): Uint8Array => randomBytes(count),
  hostname: 'test-host',
  userId: process.getuid!(),
  processId: process.pid,
  isProcessAlive,
  onWriteStep: (next: string): void => {
    if (next === step) process.kill(process.pid, 'SIGKILL')
  },
}
const place = { file: file!, unlock: { keyFile: keyFile! } }
if (change === 'create') {
  await createKeyring({ ...place, environment: 'production' }, world, signal)
} else {
  const keyring = await openKeyring(place, world, signal)
  if (change === 'rotate') await keyring.rotate('production', signal)
  else if (change === 'destroy') await keyring.destroy({ environment: 'production', generation: 1 }, signal)
  else await keyring.rewrap({ keyFile: newKeyFile! }, signal)
}
