import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import test from 'node:test'
import { throwIfStopped, neverStopped } from './abort.ts'
import { together } from './together.ts'

async function slow(): Promise<string> {
  await setImmediate()
  return 'slow'
}

async function failing(): Promise<void> {
  await setImmediate()
  throw new Error('broken')
}

async function patient(both: AbortSignal): Promise<void> {
  while (!both.aborted) await setImmediate()
  throwIfStopped(both)
}

test('together() answers both, in their order', async () => {
  assert.deepEqual(await together(neverStopped(), [slow, async () => 1]), ['slow', 1])
})

test('together() stops one when the other fails, awaits it, and throws the first failure', async () => {
  let ended = false
  const ending = async (both: AbortSignal): Promise<void> => {
    await patient(both).finally(() => {
      ended = true
    })
  }
  for (const works of [
    [ending, failing],
    [failing, ending],
  ] as const) {
    ended = false
    await assert.rejects(together(neverStopped(), works), /broken/)
    assert.equal(ended, true)
  }
})

test('together() hands on the signal of its caller', async () => {
  const controller = new AbortController()
  const running = together(controller.signal, [patient, patient])
  controller.abort()
  await assert.rejects(running, /stopped/)
})
