import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { test } from 'node:test'
import { sampleEvidenceKey } from '../../../testing/evidence-samples.ts'
import { neverStopped } from '../../base/abort.ts'
import { fakeClock } from '../../base/clock.ts'
import { memoryCatalog } from '../../catalog/memory/memory-catalog.ts'
import { keyIdOf } from '../../model/evidence/signed-head.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import type { Storage } from '../../storage/storage.ts'
import { acknowledgeAlarms } from './acknowledge-alarms.ts'
import type { EvidenceSigner } from './sign-ledger.ts'
import { signLedger } from './sign-ledger.ts'
import { alarmsOf, type HeadKeeper, storeHeads } from './store-heads.ts'

const signal = neverStopped()
const { privateKey, publicKey } = sampleEvidenceKey(Buffer.alloc(32, 5))
const key = keyIdOf(publicKey)

/** A ledger with a head for each of some entries, and one place for them. */
class Desk {
  readonly storage: Storage = memoryStorage()
  readonly clock = fakeClock(new Date('2026-03-01T02:00:00Z'))
  readonly keeper: HeadKeeper & EvidenceSigner = {
    environment: 'production',
    policy: { environment: 'production' },
    catalog: memoryCatalog(),
    clock: this.clock,
    host: { username: 'ann', hostname: 'db1' },
    evidenceKeys: new Map([[key, publicKey]]),
    keyring: {
      evidenceKeys: [{ id: key, publicKey, createdAt: new Date(0), retiredAt: undefined }],
      signEvidence: async (text) => ({ key, signature: sign(null, Buffer.from(text), privateKey).toString('hex') }),
      refresh: async () => {},
    },
    locations: {
      names: ['primary'],
      evidence: async () => ({ inside: this.storage, [Symbol.asyncDispose]: async () => {} }),
    },
  }

  async addHeads(count: number): Promise<void> {
    for (let number = 0; number < count; number++) {
      const at = this.clock.now()
      await this.keeper.catalog.addEvidence({ at, kind: 'lesson', actor: 'ann', facts: {} })
      await signLedger(this.keeper, signal)
      this.clock.advance(86_400_000)
    }
  }

  async store(compare: 'newest' | 'all' = 'newest'): Promise<{ readonly stored: number; readonly troubles: string }> {
    const { stored, troubles } = await storeHeads(this.keeper, compare, signal)
    return { stored: stored[0]!.stored, troubles: troubles.join('\n') }
  }

  async names(): Promise<string[]> {
    return (await Array.fromAsync(this.storage.list('', signal), ({ objectName }) => objectName)).toSorted()
  }

  async put(name: string, text: string): Promise<void> {
    await this.storage.put(name, Buffer.from(text), { whenPresent: 'replace' }, signal)
  }

  async alarms(): Promise<readonly (readonly [string, number])[]> {
    return (await alarmsOf(this.keeper)).map(({ cause, heads }) => [cause, heads.length] as const)
  }
}

test('storeHeads() puts each head once, and tells one that lay there and is gone', async () => {
  const desk = new Desk()
  await desk.addHeads(12)
  assert.deepEqual(await desk.store(), { stored: 12, troubles: '' })
  await desk.addHeads(1)
  assert.deepEqual(await desk.store('all'), { stored: 1, troubles: '' })
  const [first, second] = await desk.names()
  for (const name of [first!, second!]) await desk.storage.remove(name, signal)
  const { stored, troubles } = await desk.store()
  assert.equal(stored, 2)
  assert.match(
    troubles,
    new RegExp(`2 signed heads that lay at the primary location were gone, and were put back: ${first}`),
  )
  assert.deepEqual(await desk.store(), { stored: 0, troubles: '' })
  assert.deepEqual(await desk.alarms(), [['heads removed', 2]])
})

test('storeHeads() puts a head beside what has its name, and what has both is told until it is acknowledged', async () => {
  const desk = new Desk()
  await desk.addHeads(2)
  await desk.store()
  const [, name] = await desk.names()
  await desk.put(name!, 'x')
  assert.match(
    (await desk.store()).troubles,
    /a signed head lies at the primary location that the catalog does not have/,
  )
  const other = (await desk.names()).find((one) => /-[0-9a-f]{8}-[0-9a-f]{8}\.json$/.test(one))!
  const { alarms } = await acknowledgeAlarms(desk.keeper, 'a bit flipped', signal)
  // The head was gone from where it lay, too.
  assert.deepEqual(
    alarms.map(({ cause }) => cause),
    ['heads removed', 'heads unknown'],
  )
  assert.equal((await desk.store('all')).troubles, '')
  await desk.put(name!, 'y')
  assert.equal((await desk.store('newest')).troubles, '')
  assert.match((await desk.store('all')).troubles, /a signed head lies at the primary/)
  await acknowledgeAlarms(desk.keeper, 'again', signal)

  // Cleared away, it is no alarm that the head lies under its other name; nor is that a place to hide something in.
  await desk.storage.remove(name!, signal)
  assert.equal((await desk.store('all')).troubles, '')
  await desk.put(other, 'z')
  assert.match((await desk.store()).troubles, /a signed head lies at the primary/)
  assert.ok((await desk.names()).includes(name!))
})

test('storeHeads() tells what has the name of no head, and nothing of heads of another ledger', async () => {
  const desk = new Desk()
  await desk.addHeads(1)
  await desk.store()
  const [name] = await desk.names()
  const body = await desk.storage.get(name!, {}, signal)
  await desk.put('2025-01-01-7-00000000.json', Buffer.from(body).toString())
  assert.equal((await desk.store('all')).troubles, '')
  await desk.put('2025-01-02-7-00000000.json', 'no head')
  assert.equal((await desk.store('newest')).troubles, '')
  assert.match((await desk.store('all')).troubles, /2025-01-02-7-00000000\.json/)
  await desk.put('README', 'x'.repeat(5000))
  assert.match((await desk.store('newest')).troubles, /: README$|README;/)
  assert.equal((await desk.alarms()).length, 2)
})

test('storeHeads() reads no more than a thousand of what somebody put there, and goes on with the next call', async () => {
  const desk = new Desk()
  await desk.addHeads(1)
  await desk.store()
  for (let number = 0; number < 1001; number++) await desk.put(`junk-${number}`, String(number))
  await desk.store()
  await desk.store()
  assert.deepEqual(await desk.alarms(), [
    ['heads unknown', 1000],
    ['heads unknown', 1],
  ])
})
