import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { cheapCost } from '../../testing/fresh-repository.ts'
import { neverStopped } from '../base/abort.ts'
import { systemClock } from '../base/clock.ts'
import { type FailureCode, isFailure } from '../base/failure.ts'
import { memoryStorage } from '../storage/memory/memory-storage.ts'
import type { Storage } from '../storage/storage.ts'
import { initRepository } from './init-repository.ts'
import { randomMasterKey } from './key-derivation.ts'
import { addKey, changePassword, listKeys, removeKey, resolveKeyId } from './keys.ts'
import { openRepository } from './open-repository.ts'
import type { Repository } from './repository.ts'

const signal = neverStopped()
const random = (count: number): Uint8Array => randomBytes(count)
const origin = { hostname: 'host', username: 'user', clock: systemClock, random, cost: cheapCost }
const failsWith = (code: FailureCode) => (error: unknown) => isFailure(error, code)

async function made(storage: Storage, password = 'secret'): Promise<Repository> {
  return await initRepository({ storage, version: 2, password, ...origin }, signal)
}

async function flip(storage: Storage, objectName: string, at: number): Promise<void> {
  const bytes = Uint8Array.from(await storage.get(objectName, {}, signal))
  bytes[at]! ^= 1
  await storage.put(objectName, bytes, { whenPresent: 'replace' }, signal)
}

test('openRepository() opens what initRepository() made, by password and by master key', async () => {
  const storage = memoryStorage()
  const repository = await made(storage)
  const byPassword = await openRepository({ storage, random, password: 'secret' }, signal)
  const byKey = await openRepository({ storage, random, masterKey: repository.key }, signal)
  for (const opened of [byPassword, byKey]) {
    assert.deepEqual(opened.config, repository.config)
    assert.deepEqual(
      [opened.key.encrypt, opened.key.macK, opened.key.macR].map((part) => Buffer.from(part).toString('hex')),
      [repository.key.encrypt, repository.key.macK, repository.key.macR].map((part) =>
        Buffer.from(part).toString('hex'),
      ),
    )
  }
  assert.equal(byPassword.keyId, repository.keyId)
  assert.equal(byKey.keyId, undefined)
})

test('initRepository() with a master key alone stores no key', async () => {
  const storage = memoryStorage()
  const masterKey = randomMasterKey(random)
  await initRepository({ storage, version: 2, masterKey, ...origin }, signal)
  assert.deepEqual(
    (await Array.fromAsync(storage.list('', signal))).map(({ objectName }) => objectName),
    ['config'],
  )
  await assert.rejects(openRepository({ storage, random, password: 'x' }, signal), failsWith('key_wrong'))
  await assert.rejects(initRepository({ storage: memoryStorage(), version: 2, ...origin }, signal), failsWith('usage'))
})

test('initRepository() refuses a place with a repository, or with the rest of one', async () => {
  const storage = memoryStorage()
  await made(storage)
  await assert.rejects(made(storage), failsWith('repository_exists'))
  await storage.remove('config', signal)
  await assert.rejects(made(storage), failsWith('repository_exists'))
})

test('openRepository() says which of the ways to fail it was', async () => {
  const storage = memoryStorage()
  await assert.rejects(openRepository({ storage, random, password: 'x' }, signal), failsWith('repository_missing'))
  await made(storage)
  await assert.rejects(openRepository({ storage, random, password: 'wrong' }, signal), failsWith('key_wrong'))
  const masterKey = randomMasterKey(random)
  await assert.rejects(openRepository({ storage, random, masterKey }, signal), failsWith('key_wrong'))
  const size = (await storage.size('config', signal))!
  for (const at of [0, 20, size - 1]) {
    await flip(storage, 'config', at)
    await assert.rejects(
      openRepository({ storage, random, password: 'secret' }, signal),
      failsWith('repository_damaged'),
    )
    await flip(storage, 'config', at)
  }
  await openRepository({ storage, random, password: 'secret' }, signal)
})

test('openRepository() opens by a sound key beside a damaged one, and names the damage when no other opens', async () => {
  const storage = memoryStorage()
  const repository = await made(storage)
  const other = await addKey(repository, { ...origin, password: 'other' }, signal)
  await flip(storage, `keys/${other}`, 40)
  await openRepository({ storage, random, password: 'secret' }, signal)
  await assert.rejects(openRepository({ storage, random, password: 'other' }, signal), (error) => {
    assert.ok(isFailure(error, 'key_wrong'))
    assert.match(String(error.facts.hint), /damaged/)
    return true
  })
  const damaged: string[] = []
  assert.equal((await listKeys(repository, signal, { onDamaged: (id) => damaged.push(id) })).length, 1)
  assert.deepEqual(damaged, [other])
})

test('openRepository() tries the hinted key first', async () => {
  const inside = memoryStorage()
  const repository = await made(inside)
  const ids = [repository.keyId!]
  for (let number = 0; number < 5; number++)
    ids.push(await addKey(repository, { ...origin, password: 'secret' }, signal))
  const read: string[] = []
  const storage: Storage = {
    ...inside,
    get: (name, ...rest) => {
      read.push(name)
      return inside.get(name, ...rest)
    },
  }
  const opened = await openRepository({ storage, random, password: 'secret', keyHint: ids[4]!.slice(0, 8) }, signal)
  assert.equal(opened.keyId, ids[4])
  assert.deepEqual(read, ['config', `keys/${ids[4]}`])
})

test('addKey(), listKeys() and removeKey() manage passwords, and never remove the key in use', async () => {
  const storage = memoryStorage()
  const repository = await made(storage)
  const second = await addKey(repository, { ...origin, username: 'second', password: 'two' }, signal)
  const keys = await listKeys(repository, signal)
  assert.deepEqual(
    new Map(keys.map(({ id, isCurrent, username, hostname }) => [id, `${isCurrent} ${username}@${hostname}`])),
    new Map([
      [repository.keyId!, 'true user@host'],
      [second, 'false second@host'],
    ]),
  )
  await assert.rejects(removeKey(repository, repository.keyId!, signal), failsWith('usage'))
  await assert.rejects(removeKey(repository, hash('sha256', 'no key'), signal), failsWith('usage'))
  await removeKey(repository, second, signal)
  await assert.rejects(openRepository({ storage, random, password: 'two' }, signal), failsWith('key_wrong'))
  await assert.rejects(addKey(repository, { ...origin, password: '' }, signal), failsWith('usage'))
})

test('changePassword() replaces the key in use, the new one first', async () => {
  const inside = memoryStorage()
  const calls: string[] = []
  const storage: Storage = {
    ...inside,
    put: async (name, ...rest) => {
      calls.push(`put ${name.slice(0, 5)}`)
      return await inside.put(name, ...rest)
    },
    remove: async (name, ...rest) => {
      calls.push(`remove ${name.slice(0, 5)}`)
      await inside.remove(name, ...rest)
    },
  }
  const repository = await made(storage)
  calls.length = 0
  const id = await changePassword(repository, { ...origin, password: 'new' }, signal)
  assert.deepEqual(calls, ['put keys/', 'remove keys/'])
  assert.equal((await openRepository({ storage, random, password: 'new' }, signal)).keyId, id)
  await assert.rejects(openRepository({ storage, random, password: 'secret' }, signal), failsWith('key_wrong'))
  const byKey = await openRepository({ storage, random, masterKey: repository.key }, signal)
  await assert.rejects(changePassword(byKey, { ...origin, password: 'x' }, signal), failsWith('usage'))
})

test('resolveKeyId() finds the one key that begins so', async () => {
  const storage = memoryStorage()
  const { keyId } = await made(storage)
  assert.equal(await resolveKeyId(storage, keyId!.slice(0, 6), signal), keyId)
  await assert.rejects(resolveKeyId(storage, 'x', signal), failsWith('usage'))
  await addKey(
    await openRepository({ storage, random, password: 'secret' }, signal),
    { ...origin, password: 'b' },
    signal,
  )
  await assert.rejects(resolveKeyId(storage, '', signal), failsWith('usage'))
})
