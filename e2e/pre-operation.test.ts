import assert from 'node:assert/strict'
import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeProcedureWorld } from '../testing/procedure-world.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { isFailure, withPreOperationBackup } from '../src/library.ts'

test('withPreOperationBackup() backs up, calls, and puts the database back where the operation throws', async () => {
  await using folder = temporaryFolder('library')
  const world = await makeProcedureWorld(folder.path)
  const options = { policy: folder.at('zakops-backup.yaml'), restoreOnFailure: true }
  const migrate = (end: 'well' | 'badly') => (): number => {
    world.change(`insert into orders (item) values ('${end}')`)
    if (end === 'badly') throw new Error('the migration failed')
    return world.orders().length
  }
  const { answer, snapshotId, copies } = await withPreOperationBackup('orders', migrate('well'), options)
  assert.equal(answer, 2)
  assert.deepEqual(copies, ['primary', 'secondary'])
  const [listed] = await world.expect(0, 'backups', 'orders', '--json')
  assert.equal((listed as unknown as { snapshot_id: string }).snapshot_id, snapshotId)

  await assert.rejects(withPreOperationBackup('orders', migrate('badly'), options), { message: 'the migration failed' })
  assert.deepEqual(world.orders(), ['first', 'well'])
  await assert.rejects(withPreOperationBackup('orders', migrate('badly'), { ...options, restoreOnFailure: false }), {
    message: 'the migration failed',
  })
  assert.deepEqual(world.orders(), ['first', 'well', 'badly'])
})

test('withPreOperationBackup() does not call the operation without a proven backup, and tells both errors where it can not put back', async () => {
  await using folder = temporaryFolder('library')
  const world = await makeProcedureWorld(folder.path)
  const policy = folder.at('zakops-backup.yaml')
  let calls = 0
  const call = (): void => void calls++
  await assert.rejects(withPreOperationBackup('documents', call, { policy }), (error) => isFailure(error, 'usage'))
  await assert.rejects(withPreOperationBackup('nothing', call, { policy }), (error) => isFailure(error, 'usage'))
  assert.equal(calls, 0)

  // The database is no file any more: nothing can be put into its place.
  const broken = withPreOperationBackup(
    'orders',
    () => {
      renameSync(world.database, `${world.database}.moved`)
      mkdirSync(join(world.database, 'in the way'), { recursive: true })
      throw new Error('the migration failed')
    },
    { policy, restoreOnFailure: true },
  )
  await assert.rejects(broken, (error) => {
    assert.ok(isFailure(error) && error.cause instanceof AggregateError, String(error))
    assert.match(error.message, /after the operation failed/)
    assert.equal((error.cause.errors[0] as Error).message, 'the migration failed')
    return true
  })
})
