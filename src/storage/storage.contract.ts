import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import * as fc from 'fast-check'
import { neverStopped } from '../base/abort.ts'
import { isFailure } from '../base/failure.ts'
import type { FailureCode } from '../base/failure.ts'
import type { Storage, StoredObject } from './storage.ts'

/** Makes an empty storage for one test; what must be cleaned up is given to `context.after()`. */
export type MakeStorage = (context: TestContext) => Promise<Storage>

/**
 * The promises of the Storage seam as tests. Every implementation and every wrapper that stores runs them:
 * `storageContract('memoryStorage()', async () => memoryStorage())`.
 */
export function storageContract(name: string, make: MakeStorage): void {
  const promise = (what: string, check: (storage: Storage, context: TestContext) => Promise<void>): void => {
    test(`${name} ${what}`, async (context) => {
      const storage = await make(context)
      try {
        await check(storage, context)
      } finally {
        await storage.close()
      }
    })
  }
  writingPromises(promise)
  readingPromises(promise)
  listingPromises(promise)
  overlapPromises(promise)
  stoppingPromises(promise)
  modelPromise(promise)
}

type Promises = (what: string, check: (storage: Storage, context: TestContext) => Promise<void>) => void

const signal = neverStopped()
const keep = { whenPresent: 'keep' } as const
const replace = { whenPresent: 'replace' } as const

/** Sizes at and around the limits of slices, chunks and nothing. */
const bodySizes = [0, 1, 4095, 65_537, 9 * 1024 * 1024 + 1]

function writingPromises(promise: Promises): void {
  promise('put() stores bodies of any size, which get() and size() then see', async (storage) => {
    for (const size of bodySizes) {
      const objectName = `data/00/size${size}`
      const body = pattern(size)
      assert.equal(await storage.put(objectName, body, keep, signal), 'stored')
      assertBytes(await storage.get(objectName, {}, signal), body)
      assert.equal(await storage.size(objectName, signal), size)
    }
  })

  promise(
    'put() stores the bytes as they were until onBodyRead(), which it calls once at the most',
    async (storage) => {
      for (const [whenPresent, size] of bodySizes.flatMap((bytes) => [
        ['keep', bytes] as const,
        ['replace', bytes] as const,
      ])) {
        const body = pattern(size)
        let calls = 0
        const onBodyRead = (): void => {
          calls++
          body.fill(0xee)
        }
        await storage.put(`data/00/${whenPresent}${size}`, body, { whenPresent, onBodyRead }, signal)
        assert.ok(calls <= 1)
        assertBytes(await storage.get(`data/00/${whenPresent}${size}`, {}, signal), pattern(size))
      }
    },
  )

  promise('put() stores an object at the top and in folders that were not there', async (storage) => {
    for (const objectName of [
      'config',
      'keys/0a',
      'data/ff/1',
      'production/7/wal/main/000000010000000000000001.partial',
    ]) {
      assert.equal(await storage.put(objectName, pattern(10), keep, signal), 'stored')
      assertBytes(await storage.get(objectName, {}, signal), pattern(10))
    }
  })

  promise('put() keeps an object that is there', async (storage) => {
    await storage.put('index/1', pattern(100), keep, signal)
    assert.equal(await storage.put('index/1', pattern(7), keep, signal), 'exists')
    assertBytes(await storage.get('index/1', {}, signal), pattern(100))
  })

  promise('put() replaces an object when it is told to, and stores one that is not there', async (storage) => {
    assert.equal(await storage.put('index/1', pattern(100), replace, signal), 'stored')
    assert.equal(await storage.put('index/1', pattern(7), replace, signal), 'stored')
    assertBytes(await storage.get('index/1', {}, signal), pattern(7))
  })

  promise('put() does not hold on to its body', async (storage) => {
    const body = pattern(1000)
    await storage.put('index/1', body, keep, signal)
    body.fill(0)
    assertBytes(await storage.get('index/1', {}, signal), pattern(1000))
  })

  promise('put() takes a view into shared memory', async (storage) => {
    const memory = new Uint8Array(new SharedArrayBuffer(100_000))
    memory.set(pattern(50_000), 33)
    await storage.put('index/1', memory.subarray(33, 50_033), keep, signal)
    assertBytes(await storage.get('index/1', {}, signal), pattern(50_000))
  })

  promise('remove() takes an object away, and resolves where there is none', async (storage) => {
    await storage.put('locks/1', pattern(10), keep, signal)
    await storage.remove('locks/1', signal)
    assert.equal(await storage.size('locks/1', signal), undefined)
    await assertRejects(storage.get('locks/1', {}, signal), 'object_missing')
    await storage.remove('locks/1', signal)
    await storage.remove('never/there', signal)
    assert.equal(await storage.put('locks/1', pattern(3), keep, signal), 'stored')
  })

  promise('refuses names that lead elsewhere', async (storage) => {
    for (const objectName of [
      '',
      '/',
      '/etc/passwd',
      '..',
      '../x',
      'data/../../x',
      'a//b',
      'a/',
      '.x',
      'a\0b',
      'a b',
    ]) {
      await assertRejects(storage.put(objectName, pattern(1), replace, signal), 'defect')
      await assertRejects(storage.get(objectName, {}, signal), 'defect')
      await assertRejects(storage.size(objectName, signal), 'defect')
      await assertRejects(storage.remove(objectName, signal), 'defect')
    }
    for (const prefix of ['/', '../', '..', 'data/../', 'data//', '/etc/', '.x']) {
      await assertRejects(listed(storage, prefix), 'defect')
    }
  })
}

function readingPromises(promise: Promises): void {
  promise('get() and size() say that an object is not there', async (storage) => {
    await assertRejects(storage.get('config', {}, signal), 'object_missing')
    await assertRejects(storage.get('data/00/1', { range: { offset: 0, length: 0 } }, signal), 'object_missing')
    assert.equal(await storage.size('config', signal), undefined)
    assert.equal(await storage.size('data/00/1', signal), undefined)
  })

  promise('get() answers a range', async (storage) => {
    const body = pattern(100_000)
    await storage.put('data/00/1', body, keep, signal)
    for (const [offset, length] of [
      [0, 0],
      [0, 1],
      [0, 100_000],
      [99_999, 1],
      [100_000, 0],
      [4096, 70_001],
    ] as const) {
      const answer = await storage.get('data/00/1', { range: { offset, length } }, signal)
      assertBytes(answer, body.subarray(offset, offset + length))
    }
  })

  promise('get() rejects a range that reaches past the end', async (storage) => {
    await storage.put('data/00/1', pattern(100), keep, signal)
    for (const range of [
      { offset: 0, length: 101 },
      { offset: 100, length: 1 },
      { offset: 5000, length: 10 },
      { offset: 101, length: 0 },
    ]) {
      await assertRejects(storage.get('data/00/1', { range }, signal), 'repository_damaged')
      await assertRejects(storage.get('data/00/1', { range, into: new Uint8Array(6000) }, signal), 'repository_damaged')
    }
  })

  promise('get() answers the same bytes whatever `into` it is given', async (storage) => {
    const body = pattern(5000)
    await storage.put('data/00/1', body, keep, signal)
    const shared = new Uint8Array(new SharedArrayBuffer(9000))
    for (const into of [new Uint8Array(5000), new Uint8Array(9000), new Uint8Array(10), shared.subarray(77)]) {
      assertBytes(await storage.get('data/00/1', { into }, signal), body)
      const range = { offset: 1000, length: 3000 }
      assertBytes(await storage.get('data/00/1', { into, range }, signal), body.subarray(1000, 4000))
    }
  })

  promise('get() hands out bytes that are the caller’s own', async (storage) => {
    await storage.put('index/1', pattern(100), keep, signal)
    const first = await storage.get('index/1', {}, signal)
    first.fill(0)
    assertBytes(await storage.get('index/1', {}, signal), pattern(100))
  })
}

function listingPromises(promise: Promises): void {
  promise('list() names each object below a prefix once, with its size', async (storage) => {
    const names = ['config', 'keys/aa', 'data/00/1', 'data/00/2', 'data/01/1', 'snapshots/1', 'datax/1']
    for (const [at, objectName] of names.entries()) await storage.put(objectName, pattern(at * 10), keep, signal)
    const expected = new Map(names.map((objectName, at) => [objectName, at * 10]))
    for (const prefix of ['', 'data/', 'data/00/', 'data/0', 'keys/', 'locks/', 'data/07/', 'config']) {
      const want = names.filter((objectName) => objectName.startsWith(prefix)).sort()
      const seen = await listed(storage, prefix)
      assert.deepEqual(
        seen.map(({ objectName }) => objectName),
        want,
        `prefix "${prefix}"`,
      )
      for (const { objectName, size } of seen) assert.equal(size, expected.get(objectName))
    }
  })

  promise('list() after put() and remove() sees their effect', async (storage) => {
    await storage.put('locks/1', pattern(1), keep, signal)
    await storage.put('locks/2', pattern(22), keep, signal)
    await storage.remove('locks/1', signal)
    assert.deepEqual(await listed(storage, 'locks/'), [{ objectName: 'locks/2', size: 22 }])
  })

  promise('list() of an empty storage is empty', async (storage) => {
    assert.deepEqual(await listed(storage, ''), [])
    assert.deepEqual(await listed(storage, 'data/'), [])
  })

  promise('list() ends though objects are stored and removed meanwhile', async (storage) => {
    for (let at = 0; at < 10; at++) await storage.put(`index/a${at}`, pattern(at), keep, signal)
    const seen: string[] = []
    for await (const { objectName } of storage.list('index/', signal)) {
      seen.push(objectName)
      await storage.put(`index/z${seen.length}`, pattern(1), keep, signal)
      await storage.remove(objectName, signal)
    }
    for (let at = 0; at < 10; at++) assert.equal(seen.filter((one) => one === `index/a${at}`).length, 1)
  })

  promise('list() may be left before its end', async (storage) => {
    for (let at = 0; at < 5; at++) await storage.put(`index/${at}`, pattern(1), keep, signal)
    for await (const { size } of storage.list('index/', signal)) {
      assert.equal(size, 1)
      break
    }
    assert.equal((await listed(storage, 'index/')).length, 5)
  })
}

function overlapPromises(promise: Promises): void {
  promise('overlapping calls on different objects do not disturb each other', async (storage) => {
    await Promise.all(
      Array.from({ length: 40 }, async (_, at) => {
        const objectName = `data/0${at % 4}/${at}`
        await storage.put(objectName, pattern(at * 1000), keep, signal)
        assertBytes(await storage.get(objectName, {}, signal), pattern(at * 1000))
        if (at % 3 === 0) await storage.remove(objectName, signal)
      }),
    )
    assert.equal((await listed(storage, 'data/')).length, 26)
  })

  promise('of overlapping put() calls that keep, one stores and the others are told', async (storage) => {
    const bodies = Array.from({ length: 12 }, (_, at) => pattern(20_000 + at))
    const answers = await Promise.all(bodies.map((body) => storage.put('config', body, keep, signal)))
    assert.equal(answers.filter((answer) => answer === 'stored').length, 1)
    assertBytes(await storage.get('config', {}, signal), bodies[answers.indexOf('stored')]!)
    assert.deepEqual(
      (await listed(storage, '')).map(({ objectName }) => objectName),
      ['config'],
    )
  })

  promise('get() during put() that replaces sees one whole object or the other', async (storage) => {
    const bodies = [pattern(30_000), pattern(200_000).fill(7)]
    await storage.put('index/1', bodies[0]!, keep, signal)
    const writer = (async (): Promise<void> => {
      for (let at = 0; at < 20; at++) await storage.put('index/1', bodies[at % 2]!, replace, signal)
    })()
    writer.catch(() => {}) // Its turn comes below.
    for (let at = 0; at < 60; at++) {
      const seen = await storage.get('index/1', {}, signal)
      assertBytes(seen, bodies.find(({ length }) => length === seen.length) ?? pattern(0))
    }
    await writer
  })
}

function stoppingPromises(promise: Promises): void {
  promise('calls with an aborted signal reject and change nothing', async (storage) => {
    await storage.put('index/1', pattern(10), keep, signal)
    const stopped = AbortSignal.abort()
    await assertRejects(storage.put('index/2', pattern(10), keep, stopped), 'stopped')
    await assertRejects(storage.put('index/1', pattern(20), replace, stopped), 'stopped')
    await assertRejects(storage.get('index/1', {}, stopped), 'stopped')
    await assertRejects(storage.size('index/1', stopped), 'stopped')
    await assertRejects(storage.remove('index/1', stopped), 'stopped')
    await assertRejects(listed(storage, '', stopped), 'stopped')
    assert.deepEqual(await listed(storage, ''), [{ objectName: 'index/1', size: 10 }])
  })

  promise('list() stops between two objects when its signal is aborted', async (storage) => {
    for (let at = 0; at < 5; at++) await storage.put(`data/0${at}/1`, pattern(1), keep, signal)
    const controller = new AbortController()
    let seen = 0
    const walk = async (): Promise<void> => {
      for await (const object of storage.list('data/', controller.signal)) {
        assert.equal(object.size, 1)
        seen += 1
        controller.abort()
      }
    }
    await assertRejects(walk(), 'stopped')
    assert.equal(seen, 1)
  })
}

function modelPromise(promise: Promises): void {
  promise('answers any sequence of calls as a map would', async (storage) => {
    const objectName = fc.constantFrom('config', 'keys/a', 'data/00/a', 'data/00/b', 'data/01/a')
    const step = fc.oneof(
      fc.record({
        verb: fc.constant('put' as const),
        objectName,
        size: fc.nat(300),
        whenPresent: fc.constantFrom('keep', 'replace'),
      }),
      fc.record({ verb: fc.constant('get' as const), objectName, offset: fc.nat(300), length: fc.nat(300) }),
      fc.record({ verb: fc.constant('remove' as const), objectName }),
      fc.record({ verb: fc.constant('list' as const), prefix: fc.constantFrom('', 'data/', 'data/00/', 'keys/') }),
    )
    const steps = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (sequence) => {
      for (const { objectName: left } of await listed(storage, '')) await storage.remove(left, signal)
      const model = new Map<string, Uint8Array>()
      for (const one of sequence) {
        if (one.verb === 'put') {
          const kept = one.whenPresent === 'keep' && model.has(one.objectName)
          const whenPresent = one.whenPresent === 'keep' ? keep : replace
          const answer = await storage.put(one.objectName, pattern(one.size), whenPresent, signal)
          assert.equal(answer, kept ? 'exists' : 'stored')
          if (!kept) model.set(one.objectName, pattern(one.size))
        } else if (one.verb === 'get') {
          const range = { offset: one.offset, length: one.length }
          const body = model.get(one.objectName)
          const end = range.offset + range.length
          const answer = storage.get(one.objectName, { range }, signal)
          if (body === undefined) await assertRejects(answer, 'object_missing')
          else if (end > body.length) await assertRejects(answer, 'repository_damaged')
          else assertBytes(await answer, body.subarray(range.offset, end))
        } else if (one.verb === 'remove') {
          await storage.remove(one.objectName, signal)
          model.delete(one.objectName)
        } else {
          const want = [...model]
            .filter(([name]) => name.startsWith(one.prefix))
            .map(([name, { length }]) => `${name} ${length}`)
          const seen = await listed(storage, one.prefix)
          assert.deepEqual(
            seen.map(({ objectName: name, size }) => `${name} ${size}`),
            want.sort(),
          )
        }
      }
    })
    await fc.assert(steps, { numRuns: 25 }) // On failure fast-check's message holds the seed.
  })
}

/** What list() names, by name. */
async function listed(storage: Storage, prefix: string, stop: AbortSignal = signal): Promise<StoredObject[]> {
  const objects: StoredObject[] = []
  for await (const { objectName, size } of storage.list(prefix, stop)) objects.push({ objectName, size })
  return objects.sort((a, b) => (a.objectName < b.objectName ? -1 : 1))
}

/** Bytes that differ by place and by size. */
function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >>> 8) + size) & 0xff
  return bytes
}

function assertBytes(found: Uint8Array, wanted: Uint8Array): void {
  assert.equal(found.length, wanted.length)
  assert.ok(Buffer.compare(found, wanted) === 0, `the ${wanted.length} bytes differ from those that were stored`)
}

async function assertRejects(work: Promise<unknown>, code: FailureCode): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(isFailure(error), `expected a Failure, found ${String(error)}`)
    assert.equal(error.code, code)
    return true
  })
}
