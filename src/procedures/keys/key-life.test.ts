import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freshKeyring, keyringWorld } from '../../../testing/fresh-keyring.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { neverStopped } from '../../base/abort.ts'
import { memoryCatalog } from '../../catalog/memory/memory-catalog.ts'
import { type GenerationRemains, planKeyDestruction } from '../../keys/plan-key-destruction.ts'
import { planKeyRotation } from '../../keys/plan-key-rotation.ts'
import { destroyKeys } from './destroy-keys.ts'
import { rotateKeys } from './rotate-keys.ts'

const signal = neverStopped()
const environment = 'production'
const dayMs = 86_400_000

test('a key lives as the policy says: rotated after a year, there while a backup needs it anywhere, destroyed then, all on record', async () => {
  await using folder = temporaryFolder('life')
  await using catalog = memoryCatalog()
  const world = keyringWorld()
  using keyring = await freshKeyring(folder, { world })
  const unlock = { keyFile: folder.at('unlock.key') }
  const record = { catalog, clock: world.clock, username: 'ann', hostname: 'host' }
  const first = keyring.masterKey({ environment, generation: 1 })
  const isDue = (): boolean => planKeyRotation(keyring.generations, 'annually', world.clock.now())[0]!.isDue

  world.clock.advance(364 * dayMs)
  assert.equal(isDue(), false)
  world.clock.advance(dayMs)
  assert.equal(isDue(), true)
  assert.equal((await rotateKeys(keyring, { environment, unlock }, record, signal)).generation, 2)
  assert.equal(isDue(), false)

  // Its backups expire at the primary first, then at the secondary, which can not be reached for a while.
  const left = (location: string, backups: number): GenerationRemains => ({
    environment,
    generation: 1,
    location,
    state: 'counted',
    backups,
    walSegments: 0,
  })
  const away: GenerationRemains = {
    environment,
    generation: 1,
    location: 'secondary',
    state: 'unknown',
    reason: 'away',
  }
  const destroy = async (remains: GenerationRemains[]): Promise<number> => {
    const plan = planKeyDestruction(keyring.generations, { locations: ['primary', 'secondary'], remains })
    return (await destroyKeys(keyring, plan, record, signal)).length
  }
  for (const remains of [
    [left('primary', 4), left('secondary', 4)],
    [left('primary', 0), left('secondary', 1)],
    [left('primary', 0), away],
    [left('primary', 0)],
  ]) {
    world.clock.advance(dayMs)
    assert.equal(await destroy(remains), 0)
    assert.deepEqual(keyring.masterKey({ environment, generation: 1 }), first)
  }
  assert.equal(await destroy([left('primary', 0), left('secondary', 0)]), 1)
  assert.throws(() => keyring.masterKey({ environment, generation: 1 }), { code: 'keyring_locked' })
  assert.equal(keyring.active(environment).generation, 2)
  assert.equal(await destroy([left('primary', 0), left('secondary', 0)]), 0)
  assert.deepEqual((await keyring.check(signal)).faults, [])
  assert.deepEqual(
    (await catalog.keyEvents()).map(({ kind, generation, actor }) => [kind, generation, actor]),
    [
      ['rotated', 2, 'ann@host'],
      ['rewrapped', undefined, 'ann@host'],
      ['destroyed', 1, 'ann@host'],
    ],
  )
})
