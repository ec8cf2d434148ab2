import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import test from 'node:test'
import * as fc from 'fast-check'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { objectNameOf } from '../../repository/object-kind.ts'
import { failEvery, faultStorage } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import type { Storage } from '../../storage/storage.ts'
import { noProgress } from '../progress.ts'
import { heal, type HealRequest } from './heal.ts'
import { planHeal } from './plan-heal.ts'

const signal = neverStopped()
const context = { progress: noProgress }
const goodConfig = 'the config'

function proveConfig(bytes: Uint8Array): string | undefined {
  return Buffer.from(bytes).toString() === goodConfig ? undefined : 'the seal is broken'
}

const contents = ['keys', 'data', 'index', 'snapshots'].flatMap((kind) =>
  [1, 2, 3].map((number) => [kind, `${kind} ${number}`] as const),
)
const objectNames = ['config', ...contents.map(([kind, text]) => objectNameOf(kind as 'data', hash('sha256', text)))]

async function makeSide(name: string): Promise<Storage> {
  const storage = memoryStorage(name)
  await storage.put('config', Buffer.from(goodConfig), { whenPresent: 'keep' }, signal)
  for (const [kind, text] of contents)
    await storage.put(
      objectNameOf(kind as 'data', hash('sha256', text)),
      Buffer.from(text),
      { whenPresent: 'keep' },
      signal,
    )
  return storage
}

async function dump(storage: Storage): Promise<Record<string, string>> {
  const all: Record<string, string> = {}
  for await (const { objectName } of storage.list('', signal))
    all[objectName] = Buffer.from(await storage.get(objectName, {}, signal)).toString()
  return all
}

async function damage(storage: Storage, objectName: string, how: 'flip' | 'cut' | 'remove'): Promise<void> {
  const bytes = Buffer.from(await storage.get(objectName, {}, signal))
  if (how === 'remove') return storage.remove(objectName, signal)
  bytes[2]! ^= 4
  await storage.put(objectName, how === 'flip' ? bytes : bytes.subarray(0, 3), { whenPresent: 'replace' }, signal)
}

function request(storage: Storage, mirror: Storage, more: Partial<HealRequest> = {}): HealRequest {
  return { storage, mirror, absent: 'restore', sides: 'here', proveConfig, ...more }
}

test('heal() mends any damage of either side that the other does not share', async () => {
  const wounds = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom(...objectNames),
      side: fc.nat(1),
      how: fc.constantFrom('flip', 'cut', 'remove'),
    }),
    { selector: ({ name }) => name, maxLength: 6 },
  )
  const whole = await dump(await makeSide('whole'))
  await fc.assert(
    fc.asyncProperty(wounds, async (list) => {
      const sides = [await makeSide('here'), await makeSide('there')] as const
      for (const { name, side, how } of list) await damage(sides[side]!, name, how)
      const report = await heal(request(sides[0], sides[1], { sides: 'both' }), context, signal)
      assert.deepEqual(await dump(sides[0]), whole)
      assert.deepEqual(await dump(sides[1]), whole)
      assert.deepEqual(report.unhealed, [])
      assert.deepEqual(
        report.mended.map((mending) => mending.objectName).toSorted(),
        list.map(({ name }) => name).toSorted(),
      )
    }),
  )
})

test('heal() says what is damaged at both sides, and writes nothing over it', async () => {
  const [here, there] = [await makeSide('here'), await makeSide('there')]
  await damage(here, objectNames[5]!, 'flip')
  await damage(there, objectNames[5]!, 'cut')
  const before = [await dump(here), await dump(there)]
  for (const sides of ['here', 'both'] as const) {
    const report = await heal(request(here, there, { sides }), context, signal)
    assert.deepEqual(
      report.unhealed.map(({ objectName }) => objectName),
      [objectNames[5]],
    )
    assert.deepEqual([await dump(here), await dump(there)], before)
  }
})

test('heal() can not tell two differing configs apart without their key', async () => {
  const [here, there] = [await makeSide('here'), await makeSide('there')]
  await damage(here, 'config', 'flip')
  const { proveConfig: _, ...blind } = request(here, there)
  assert.deepEqual(
    (await heal(blind, context, signal)).unhealed.map(({ objectName }) => objectName),
    ['config'],
  )
  await here.remove('config', signal)
  assert.deepEqual(
    (await heal(blind, context, signal)).mended.map(({ found }) => found),
    ['absent'],
  )
})

test('heal() leaves absent objects alone when told, and looks at suspects only when given', async () => {
  const [here, there] = [await makeSide('here'), await makeSide('there')]
  await damage(here, objectNames[2]!, 'remove')
  await damage(here, objectNames[4]!, 'flip')
  await damage(here, objectNames[7]!, 'flip')
  const suspects = [objectNames[2]!, objectNames[4]!]
  const report = await heal(request(here, there, { absent: 'leave', suspects }), context, signal)
  assert.deepEqual(
    report.mended.map(({ objectName }) => objectName),
    [objectNames[4]],
  )
  assert.equal(report.examinedObjects, 1)
})

test('heal() as a dry run writes nothing', async () => {
  const [here, there] = [await makeSide('here'), await makeSide('there')]
  await damage(here, objectNames[2]!, 'cut')
  const before = await dump(here)
  const report = await heal(request(here, there, { dryRun: true }), context, signal)
  assert.deepEqual(
    report.plan.mend.map(({ objectName }) => objectName),
    [objectNames[2]],
  )
  assert.deepEqual(await dump(here), before)
})

test('heal() notices a device that keeps damaging what is written', async () => {
  const [here, there] = [await makeSide('here'), await makeSide('there')]
  const bad = objectNames[3]!
  const worn = faultStorage(here, {
    changeRead: (bytes, { objectName }) => (objectName === bad ? bytes.map((byte) => byte ^ 1) : bytes),
  })
  const report = await heal(request(worn, there), context, signal)
  assert.deepEqual(
    report.unhealed.map(({ objectName }) => objectName),
    [bad],
  )
  assert.deepEqual(report.mended, [])
})

test('heal() refuses a mirror of another repository, and passes on faults of a whole storage', async () => {
  const here = await makeSide('here')
  const other = memoryStorage('other')
  await other.put(objectNameOf('data', hash('sha256', 'other')), Buffer.from('other'), { whenPresent: 'keep' }, signal)
  await assert.rejects(heal(request(here, other), context, signal), (error) => isFailure(error, 'refused'))
  await assert.rejects(heal(request(here, memoryStorage()), context, signal), (error) =>
    isFailure(error, 'repository_missing'),
  )
  const dead = faultStorage(here, { before: failEvery(1, 'storage_unreachable', ({ verb }) => verb === 'get') })
  await assert.rejects(heal(request(dead, await makeSide('there')), context, signal), (error) =>
    isFailure(error, 'storage_unreachable'),
  )
})

test('planHeal() tries a side that nobody looked at, and gives up where both are damaged', () => {
  const object = { objectName: 'config', size: 1 }
  const plan = (here: 'damaged' | 'absent' | 'intact', there: 'unknown' | 'damaged' | 'absent'): unknown => {
    const { mend, lost } = planHeal({ objects: [{ ...object, here, there }], absent: 'restore', sides: 'both' })
    return [mend.map(({ side, found }) => `${side} ${found}`), lost.length]
  }
  assert.deepEqual(plan('damaged', 'unknown'), [['here damaged'], 0])
  assert.deepEqual(plan('intact', 'absent'), [['there absent'], 0])
  assert.deepEqual(plan('damaged', 'absent'), [[], 1])
  assert.deepEqual(plan('absent', 'damaged'), [[], 1])
})
