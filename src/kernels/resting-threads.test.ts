import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lendCrew, type RestingCrew, RestingThreads } from './resting-threads.ts'

/** Longer than any test. */
const restMs = 3_600_000

class Crew implements RestingCrew {
  isWell = true
  readonly done: string[] = []
  async rest(): Promise<void> {
    this.done.push('rest')
  }
  wake(): void {
    this.done.push('wake')
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.done.push('end')
  }
}

class OtherCrew extends Crew {}

class TiredCrew extends Crew {
  override async rest(): Promise<void> {
    throw new Error('no rest')
  }
}

test('RestingThreads lends again what was kept, by kind, and ends it in the end', async () => {
  const threads = new RestingThreads(restMs)
  const first = threads.lend(Crew)
  first.keep()
  await first[Symbol.asyncDispose]()
  const other = threads.lend(OtherCrew)
  assert.ok(other.crew instanceof OtherCrew)
  await other[Symbol.asyncDispose]()
  assert.deepEqual(other.crew.done, ['end'])
  const again = threads.lend(Crew)
  assert.equal(again.crew, first.crew)
  const beside = threads.lend(Crew)
  assert.notEqual(beside.crew, first.crew)
  for (const lent of [again, beside]) {
    lent.keep()
    await lent[Symbol.asyncDispose]()
  }
  assert.deepEqual(again.crew.done, ['rest', 'wake', 'rest'])
  assert.deepEqual(beside.crew.done, ['end'], 'one of a kind rests')
  await threads[Symbol.asyncDispose]()
  assert.deepEqual(again.crew.done, ['rest', 'wake', 'rest', 'end'])
  const late = threads.lend(Crew)
  late.keep()
  await late[Symbol.asyncDispose]()
  assert.deepEqual(late.crew.done, ['end'])
})

test('RestingThreads ends what was not kept, what can not rest, and what died meanwhile', async () => {
  await using threads = new RestingThreads(restMs)
  const failed = threads.lend(Crew)
  await failed[Symbol.asyncDispose]()
  assert.deepEqual(failed.crew.done, ['end'])
  const tired = threads.lend(TiredCrew)
  tired.keep()
  await tired[Symbol.asyncDispose]()
  assert.deepEqual(tired.crew.done, ['end'])
  const dead = threads.lend(Crew)
  dead.keep()
  await dead[Symbol.asyncDispose]()
  dead.crew.isWell = false
  assert.notEqual(threads.lend(Crew).crew, dead.crew)
  assert.deepEqual(dead.crew.done, ['rest', 'end'])
})

test('RestingThreads ends what rested for too long', async () => {
  const ended = Promise.withResolvers<void>()
  class BriefCrew extends Crew {
    override async [Symbol.asyncDispose](): Promise<void> {
      ended.resolve()
    }
  }
  const lent = new RestingThreads(1).lend(BriefCrew)
  lent.keep()
  await lent[Symbol.asyncDispose]()
  using _alive = { timer: setInterval(() => {}, 1000), [Symbol.dispose]: () => clearInterval(_alive.timer) }
  await ended.promise
})

test('lendCrew() ends its own where nobody keeps threads', async () => {
  const lent = lendCrew(undefined, Crew)
  lent.keep()
  await lent[Symbol.asyncDispose]()
  assert.deepEqual(lent.crew.done, ['end'])
})
