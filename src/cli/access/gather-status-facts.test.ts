import assert from 'node:assert/strict'
import { renameSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { PolicyDesk } from '../../../testing/policy-desk.ts'

const lost = /backups lie there, and none of them is\s+on record/g

test('status looks for backups that are not on record in every generation of the keyring, and in the first ones without it', async () => {
  await using desk = await PolicyDesk.open()
  for (let generation = 2; generation <= 21; generation++) await desk.type(['keys', 'rotate'])
  await desk.type(['backup'])
  assert.doesNotMatch((await desk.type(['status'])).stdout, lost)
  rmSync(desk.folder.at('state'), { recursive: true })
  const told = (await desk.type(['status'], 5)).stdout
  assert.equal(told.match(lost)?.length, 2, told)
  const [keyring, away] = [desk.folder.at('keys', 'keyring.json'), desk.folder.at('away')]
  renameSync(keyring, away)
  assert.doesNotMatch((await desk.type(['status'], 5)).stdout, lost)
  for (const name of ['primary', 'off-site'])
    renameSync(desk.folder.at(name, 'production', '21'), desk.folder.at(name, 'production', '20'))
  assert.match((await desk.type(['status'], 5)).stdout, lost)
})
