import { parentPort, workerData } from 'node:worker_threads'
import { isFailure } from '../../base/failure.ts'
import { PackSlots } from './pack-slots.ts'

/** The worker of pack-slots.test.ts: takes slots and tells each, until it has so many or is stopped. */
const { count, takesMax } = workerData as { readonly count: number; readonly takesMax: number }
const slots = new PackSlots(count)
parentPort?.postMessage(slots.states)
try {
  for (let takes = 0; takes < takesMax; takes++) parentPort?.postMessage(slots.take(0, count))
  parentPort?.postMessage('done')
} catch (error) {
  parentPort?.postMessage(isFailure(error, 'stopped') ? 'stopped' : `failed: ${String(error)}`)
}
