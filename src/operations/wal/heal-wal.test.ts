import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { neverStopped } from '../../base/abort.ts'
import { faultStorage, flipBit } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import type { Storage } from '../../storage/storage.ts'
import { healWal } from './heal-wal.ts'
import { WalStore } from './wal-store.ts'
import { systemClock } from '../../base/clock.ts'
import { randomBytes } from 'node:crypto'
import { randomMasterKey } from '../../repository/key-derivation.ts'
import { sampleSegment } from '../../../testing/wal-segment.ts'

const signal = neverStopped()
const random = (count: number): Uint8Array => randomBytes(count)

async function contents(storage: Storage): Promise<Map<string, string>> {
  const all = new Map<string, string>()
  for await (const { objectName } of storage.list('', signal))
    all.set(objectName, Buffer.from(await storage.get(objectName, {}, signal)).toString('base64'))
  return all
}

async function filled(): Promise<Map<string, string>> {
  const storage = memoryStorage()
  const place = { storage, prefix: 'orders/', generation: 1, key: randomMasterKey(random) }
  using store = new WalStore(place, { clock: systemClock, random })
  for (const segment of [5, 6, 7]) await store.put(sampleSegment({ segment }), signal)
  for (const partBytes of [9000, 20_000]) await store.put(sampleSegment({ segment: 8, partBytes }), signal)
  return await contents(storage)
}

async function storageOf(objects: ReadonlyMap<string, string>): Promise<Storage> {
  const storage = memoryStorage()
  for (const [name, bytes] of objects)
    await storage.put(name, Buffer.from(bytes, 'base64'), { whenPresent: 'keep' }, signal)
  return storage
}

function damaged(bytes: string): string {
  const changed = Buffer.from(bytes, 'base64')
  changed[100]! ^= 1
  return changed.toString('base64')
}

test('healWal() mends each side from the other, says what both lost, and brings no shorter beginning back', async () => {
  const whole = await filled()
  const names = [...whole.keys()]
  const wound = fc.constantFrom('intact', 'damaged', 'absent')
  const wounds = fc.array(fc.record({ here: wound, there: wound }), {
    minLength: names.length,
    maxLength: names.length,
  })
  await fc.assert(
    fc.asyncProperty(wounds, async (list) => {
      const side = (which: 'here' | 'there'): Map<string, string> =>
        new Map(
          names.flatMap((name, index) => {
            const state = list[index]![which]
            const bytes = whole.get(name)!
            return state === 'absent' ? [] : [[name, state === 'damaged' ? damaged(bytes) : bytes]]
          }),
        )
      const [here, there] = [await storageOf(side('here')), await storageOf(side('there'))]
      const dry = await healWal({ here, there, dryRun: true }, signal)
      assert.deepEqual([await contents(here), await contents(there)], [side('here'), side('there')])
      const report = await healWal({ here, there, dryRun: false }, signal)
      assert.deepEqual(report.mended, dry.plan.mend)
      for (const [index, name] of names.entries()) {
        const states = [list[index]!.here, list[index]!.there]
        const after = [(await contents(here)).get(name), (await contents(there)).get(name)]
        const isShorter = name.includes('.part-') && name !== names.toSorted().at(-1)
        const isLost = report.unhealed.some(({ objectName }) => objectName === name)
        if (states.includes('intact') && !(isShorter && states.includes('absent')))
          assert.deepEqual(after, [whole.get(name), whole.get(name)])
        else if (!states.includes('intact')) {
          assert.deepEqual(after, [side('here').get(name), side('there').get(name)])
          if (!isShorter) assert.equal(isLost, states.includes('damaged'))
        }
      }
      assert.deepEqual((await healWal({ here, there, dryRun: false }, signal)).mended, [])
    }),
    { numRuns: 60 },
  )
})

test('healWal() fills a location that lost its WAL, and tells what a bad disk does not keep', async () => {
  const whole = await filled()
  const [here, there] = [memoryStorage(), await storageOf(whole)]
  const dry = await healWal({ here: undefined, there, dryRun: true }, signal)
  assert.deepEqual(
    dry.plan.mend.map(({ side, found }) => `${side} ${found}`),
    Array(4).fill('here absent'),
  )
  const bad = faultStorage(here, { changeRead: flipBit(999) })
  const report = await healWal({ here: bad, there, dryRun: false }, signal)
  assert.deepEqual([report.mended.length, report.unhealed.length], [0, 4])
  assert.equal((await healWal({ here, there, dryRun: false }, signal)).unhealed.length, 0)
  assert.equal((await contents(here)).size, 4)
})
