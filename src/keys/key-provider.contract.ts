import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { neverStopped } from '../base/abort.ts'
import { isFailure } from '../base/failure.ts'
import { type KeyProvider, type ProviderRecord, providerRecordSchema } from './key-provider.ts'

const signal = neverStopped()
const context = { keyring: 'a'.repeat(32), version: 3 }

/** What every provider of keys must give. `make` answers two with the same secret and one with another. */
export function keyProviderContract(
  name: string,
  make: () => Promise<{ readonly first: KeyProvider; readonly same: KeyProvider; readonly other: KeyProvider }>,
): void {
  test(`${name} unwraps what it wrapped, and another one with its secret does`, async () => {
    const { first, same } = await make()
    const key = randomBytes(32)
    const record = throughJson(await first.wrap(key, context, signal))
    assert.deepEqual(Buffer.from(await first.unwrap(record, context, signal)), key)
    assert.deepEqual(Buffer.from(await same.unwrap(record, context, signal)), key)
    assert.equal(JSON.stringify(record).includes(key.toString('base64')), false)
    assert.notDeepEqual(await first.wrap(key, context, signal), record, 'each wrap has a nonce of its own')
  })

  test(`${name} refuses with another secret, and says so`, async () => {
    const { first, other } = await make()
    const record = await first.wrap(randomBytes(32), context, signal)
    await assert.rejects(other.unwrap(record, context, signal), { code: 'keyring_locked' })
  })

  test(`${name} gives no bytes in another context or of a changed record`, async () => {
    const { first } = await make()
    const record = await first.wrap(randomBytes(32), context, signal)
    const damaged = { code: 'keyring_damaged' }
    await assert.rejects(first.unwrap(record, { ...context, version: 4 }, signal), damaged)
    await assert.rejects(first.unwrap(record, { ...context, keyring: 'b'.repeat(32) }, signal), damaged)
    for (const part of ['nonce', 'sealed', 'check'] as const) {
      const text = record[part]
      const changed = { ...record, [part]: (text.startsWith('1') ? '2' : '1') + text.slice(1) }
      await assert.rejects(first.unwrap(changed, context, signal), (error) =>
        isFailure(error, part === 'check' ? 'keyring_locked' : 'keyring_damaged'),
      )
    }
  })

  test(`${name} stops when it is told to`, async () => {
    const { first } = await make()
    const stopped = AbortSignal.abort()
    await assert.rejects(first.wrap(randomBytes(32), context, stopped), { code: 'stopped' })
  })
}

function throughJson(record: ProviderRecord): ProviderRecord {
  return providerRecordSchema.parse(JSON.parse(JSON.stringify(record)))
}
