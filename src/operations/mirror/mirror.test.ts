import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import test from 'node:test'
import * as fc from 'fast-check'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { objectNameOf, type ObjectKind } from '../../repository/object-kind.ts'
import { failEvery, faultStorage } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import type { Storage } from '../../storage/storage.ts'
import { noProgress } from '../progress.ts'
import { mirror, type MirrorRequest } from './mirror.ts'
import { planMirror } from './plan-mirror.ts'

const signal = neverStopped()
const context = { progress: noProgress }

async function put(storage: Storage, kind: ObjectKind, text: string): Promise<string> {
  const name = objectNameOf(kind, hash('sha256', text))
  await storage.put(name, Buffer.from(text), { whenPresent: 'replace' }, signal)
  return name
}

/** A storage with what only looks like a repository: mirror never looks into objects. */
async function makeSource(): Promise<Storage> {
  const source = memoryStorage('source')
  await source.put('config', Buffer.from('the config'), { whenPresent: 'keep' }, signal)
  for (const kind of ['keys', 'locks', 'data', 'index', 'snapshots'] as const)
    for (const number of [1, 2, 3]) await put(source, kind, `${kind} ${number}`)
  return source
}

async function namesOf(storage: Storage): Promise<string[]> {
  return names(await Array.fromAsync(storage.list('', signal))).toSorted()
}

function names(list: readonly { readonly objectName: string }[]): string[] {
  return list.map(({ objectName }) => objectName)
}

/** Place of an object's kind in the order of copying. */
function rank(name: string): number {
  return ['keys', 'config', 'data', 'index', 'snapshots'].indexOf(name.split('/')[0]!)
}

function request(source: Storage, target: Storage, more: Partial<MirrorRequest> = {}): MirrorRequest {
  return { source, target, surplus: 'keep', verify: 'copied', ...more }
}

test('mirror() copies everything but locks, and nothing the second time', async () => {
  const source = await makeSource()
  const target = memoryStorage('target')
  const first = await mirror(request(source, target), context, signal)
  assert.deepEqual(
    await namesOf(target),
    (await namesOf(source)).filter((name) => !name.startsWith('locks/')),
  )
  assert.equal(first.copiedObjects, 13)
  assert.deepEqual(first.faults, [])
  const second = await mirror(request(source, target, { verify: 'all' }), context, signal)
  assert.equal(second.copiedObjects, 0)
  assert.equal(second.verifiedObjects, 13)
})

test('mirror() leaves a valid repository wherever it is stopped, and goes on from there', async () => {
  const source = await makeSource()
  const target = memoryStorage('target')
  for (let puts = 1; ; puts++) {
    let left = puts
    const flaky = faultStorage(target, {
      before: ({ verb }) => {
        if (verb === 'put' && left-- <= 0) throw new Error('power cut')
      },
    })
    const outcome = await mirror(request(source, flaky), context, signal).catch((error: unknown) => error)
    const kinds = (await namesOf(target)).map(rank)
    const highest = Math.max(...kinds)
    for (let kind = 0; kind < highest; kind++)
      assert.equal(
        kinds.filter((each) => each === kind).length,
        kind === 1 ? 1 : 3,
        'a kind was begun before its forerunner was complete',
      )
    if (!(outcome instanceof Error)) break
  }
  assert.equal((await namesOf(target)).length, 13)
})

test('mirror() never copies a damaged object, and names it', async () => {
  const source = await makeSource()
  const damaged = objectNameOf('data', hash('sha256', 'data 2'))
  await source.put(damaged, Buffer.from('data X'), { whenPresent: 'replace' }, signal)
  const target = memoryStorage('target')
  const report = await mirror(request(source, target), context, signal)
  assert.deepEqual(
    report.faults.map(({ side, objectName, state }) => [side, objectName, state]),
    [['source', damaged, 'damaged']],
  )
  assert.equal((await namesOf(target)).includes(damaged), false)
  assert.equal(report.copiedObjects, 12)
})

test('mirror() mends an object of the target that was cut, but not by a damaged one', async () => {
  const source = await makeSource()
  const target = memoryStorage('target')
  await mirror(request(source, target), context, signal)
  const name = objectNameOf('index', hash('sha256', 'index 1'))
  await target.put(name, Buffer.from('ind'), { whenPresent: 'replace' }, signal)
  const report = await mirror(request(source, target), context, signal)
  assert.equal(report.mendedObjects, 1)
  assert.equal(Buffer.from(await target.get(name, {}, signal)).toString(), 'index 1')
  await source.put(name, Buffer.from('cut'), { whenPresent: 'replace' }, signal)
  const again = await mirror(request(source, target), context, signal)
  assert.deepEqual(
    again.faults.map((fault) => fault.side),
    ['source'],
  )
  assert.equal(Buffer.from(await target.get(name, {}, signal)).toString(), 'index 1')
})

test('mirror() with verify finds what has the right size and the wrong bytes', async () => {
  const source = await makeSource()
  const target = memoryStorage('target')
  await mirror(request(source, target), context, signal)
  const name = objectNameOf('snapshots', hash('sha256', 'snapshots 1'))
  await target.put(name, Buffer.from('snapshots X'), { whenPresent: 'replace' }, signal)
  assert.deepEqual((await mirror(request(source, target), context, signal)).faults, [])
  const report = await mirror(request(source, target, { verify: 'all' }), context, signal)
  assert.deepEqual(
    report.faults.map((fault) => [fault.side, fault.objectName]),
    [['target', name]],
  )
})

test('mirror() removes what the source no longer has, naming objects first, only when asked', async () => {
  const source = await makeSource()
  const target = memoryStorage('target')
  const extra = [
    await put(target, 'data', 'old'),
    await put(target, 'index', 'old'),
    await put(target, 'snapshots', 'old'),
  ]
  const kept = await mirror(request(source, target), context, signal)
  assert.deepEqual(
    kept.plan.surplus.map(({ objectName }) => objectName),
    extra,
  )
  const removed: string[] = []
  const watched = faultStorage(target, {
    before: ({ verb, objectName }) => void (verb === 'remove' && removed.push(objectName)),
  })
  const report = await mirror(request(source, watched, { surplus: 'remove' }), context, signal)
  assert.deepEqual(removed, extra.toReversed())
  assert.equal(report.removedObjects, 3)
})

test('mirror() refuses to empty the mirror after a lost source, and to mix two repositories', async () => {
  const source = await makeSource()
  const target = memoryStorage('target')
  await mirror(request(source, target), context, signal)
  for (const name of await namesOf(source)) if (name.startsWith('snapshots/')) await source.remove(name, signal)
  await assert.rejects(mirror(request(source, target, { surplus: 'remove' }), context, signal), (error) =>
    isFailure(error, 'refused'),
  )
  const other = await makeSource()
  await other.put('config', Buffer.from('another config'), { whenPresent: 'replace' }, signal)
  await assert.rejects(mirror(request(other, target), context, signal), (error) => isFailure(error, 'refused'))
  await assert.rejects(mirror(request(memoryStorage(), target), context, signal), (error) =>
    isFailure(error, 'repository_missing'),
  )
  assert.equal((await namesOf(target)).length, 13)
})

test('mirror() refuses to remove the last objects of any kind that the source lost', async () => {
  for (const kind of ['keys', 'data', 'index', 'snapshots']) {
    const source = await makeSource()
    const target = memoryStorage('target')
    await mirror(request(source, target), context, signal)
    for (const name of await namesOf(source)) if (name.startsWith(`${kind}/`)) await source.remove(name, signal)
    const removing = request(source, target, { surplus: 'remove' })
    await assert.rejects(mirror(removing, context, signal), (error) => isFailure(error, 'refused'), kind)
    assert.equal((await namesOf(target)).length, 13)
  }
})

test('mirror() removes nothing while the source is damaged: what it could not copy may be needed there', async () => {
  const source = await makeSource()
  const target = memoryStorage('target')
  await mirror(request(source, target), context, signal)
  // As a prune leaves it: the content of one pack lies in another one, which is damaged then.
  await source.remove(objectNameOf('data', hash('sha256', 'data 1')), signal)
  const repacked = await put(source, 'data', 'repacked')
  await source.put(repacked, Buffer.from('damaged!'), { whenPresent: 'replace' }, signal)
  const report = await mirror(request(source, target, { surplus: 'remove' }), context, signal)
  assert.deepEqual(names(report.faults), [repacked])
  assert.equal(report.removedObjects, 0)
  assert.equal((await namesOf(target)).length, 13)
})

test('mirror() refuses to remove a pack that the source lost although its indexes name it', async () => {
  const source = await makeSource()
  const target = memoryStorage('target')
  await mirror(request(source, target), context, signal)
  const lost = objectNameOf('data', hash('sha256', 'data 1'))
  await source.remove(lost, signal)
  const removing = request(source, target, { surplus: 'remove', namedPacks: async () => new Set([lost]) })
  await assert.rejects(mirror(removing, context, signal), (error) => isFailure(error, 'refused'))
  assert.equal((await namesOf(target)).length, 13)
  const report = await mirror({ ...removing, namedPacks: async () => new Set() }, context, signal)
  assert.equal(report.removedObjects, 1)
})

test('mirror() as a dry run writes nothing and tells the plan', async () => {
  const target = memoryStorage('target')
  const report = await mirror(request(await makeSource(), target, { dryRun: true }), context, signal)
  assert.equal(report.plan.copy.length, 13)
  assert.deepEqual(await namesOf(target), [])
})

test('mirror() passes on what is wrong with the storage as a whole', async () => {
  const source = faultStorage(await makeSource(), {
    before: failEvery(1, 'storage_unreachable', ({ verb }) => verb === 'get'),
  })
  await assert.rejects(mirror(request(source, memoryStorage()), context, signal), (error) =>
    isFailure(error, 'storage_unreachable'),
  )
})

test('planMirror() copies exactly the difference, and removes in the opposite order of copying', () => {
  const kinds = ['keys', 'data', 'index', 'snapshots'] as const
  const objects = fc
    .uniqueArray(fc.tuple(fc.constantFrom(...kinds), fc.nat(20)), { selector: (pair) => pair.join() })
    .map((pairs) =>
      pairs.map(([kind, number]) => ({
        objectName: objectNameOf(kind, number.toString(16).padStart(64, 'a')),
        size: 1,
      })),
    )
  const config = { objectName: 'config', size: 1 }
  fc.assert(
    fc.property(objects, objects, (source, target) => {
      // One of each kind, since nothing is removed for a source that lost all of one.
      const alive = [config, ...kinds.map((kind) => ({ objectName: objectNameOf(kind, 'f'.repeat(64)), size: 1 }))]
      const plan = planMirror({ source: [...alive, ...source], target, surplus: 'remove' })
      const after = new Set([...names(target), ...names(plan.copy)])
      for (const name of names(plan.remove)) assert.ok(after.delete(name))
      assert.deepEqual([...after].toSorted(), names([...alive, ...source]).toSorted())
      const ranks = names(plan.copy).map(rank)
      assert.deepEqual(
        ranks,
        ranks.toSorted((a, b) => a - b),
      )
      const removals = names(plan.remove).map(rank)
      assert.deepEqual(
        removals,
        removals.toSorted((a, b) => b - a),
      )
    }),
  )
})
