import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { isFailure } from '../../base/failure.ts'
import { abandonSlots, PackSlots, releaseSlot } from './pack-slots.ts'

type States = Int32Array<SharedArrayBuffer>

/** A thread that takes slots as fast as it can; `told` gets each, with the states and how it went on. */
async function takeInThread(
  options: { readonly count: number; readonly takesMax: number },
  told: (slot: number, states: States) => void,
): Promise<unknown> {
  const worker = new Worker(new URL('./pack-slots.test-worker.ts', import.meta.url), { workerData: options })
  const [states] = (await once(worker, 'message')) as [States]
  const { promise, resolve } = Promise.withResolvers<unknown>()
  worker.on('message', (message: unknown) => {
    if (typeof message === 'number') told(message, states)
    else resolve(message)
  })
  worker.on('error', resolve)
  const outcome = await promise
  await worker.terminate()
  return outcome
}

test('PackSlots.take() gives each slot to one holder at a time, and waits for the other thread to release one', async () => {
  const held = new Set<number>()
  let most = 0
  let taken = 0
  const release = async (slot: number, states: States): Promise<void> => {
    for (let turn = 0; turn < (slot === 1 ? 3 : 1); turn++) await setImmediate()
    held.delete(slot)
    releaseSlot(states, slot)
  }
  const outcome = await takeInThread({ count: 3, takesMax: 3000 }, (slot, states) => {
    assert.ok(!held.has(slot), `slot ${slot} was given twice`)
    held.add(slot)
    taken++
    most = Math.max(most, held.size)
    void release(slot, states)
  })
  assert.equal(outcome, 'done')
  assert.equal(taken, 3000)
  assert.ok(most <= 3)
})

test('abandonSlots() stops a thread that waits for a slot', async () => {
  let taken = 0
  const outcome = await takeInThread({ count: 2, takesMax: 100 }, (_slot, states) => {
    if (++taken === 2) void setImmediate().then(() => abandonSlots(states))
  })
  assert.equal(outcome, 'stopped')
  assert.equal(taken, 2)
})

test('PackSlots.take() keeps to the slots that it is asked for, and throws once all are abandoned', () => {
  const slots = new PackSlots(3)
  assert.equal(slots.take(2, 3), 2)
  assert.equal(slots.take(0, 2), 0)
  assert.equal(slots.take(0, 2), 1)
  releaseSlot(slots.states, 0)
  assert.equal(slots.take(0, 2), 0)
  abandonSlots(slots.states)
  assert.throws(
    () => slots.take(2, 3),
    (error) => isFailure(error, 'stopped'),
  )
})
