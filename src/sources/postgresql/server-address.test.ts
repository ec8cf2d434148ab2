import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksumFaultOf } from './checksum-fault.ts'
import { describeServer, splitPassword, urlOfDatabase } from './server-address.ts'

test('urlOfDatabase() changes the database and nothing else', () => {
  assert.equal(urlOfDatabase('postgresql://u@h:1/a?x=1', 'b/ c'), 'postgresql://u@h:1/b%2F%20c?x=1')
  assert.equal(urlOfDatabase('postgresql://u@/?host=%2Frun', 'b'), 'postgresql://u@/b?host=%2Frun')
  assert.equal(urlOfDatabase('postgres://h', 'b'), 'postgres://h/b')
})

test('describeServer() and splitPassword() never tell the password', () => {
  const url = 'postgresql://user:s%40cret@db.example:5433/shop?sslmode=require'
  assert.equal(describeServer(url), 'db.example:5433')
  assert.deepEqual(splitPassword(url), {
    url: 'postgresql://user@db.example:5433/shop?sslmode=require',
    password: 's@cret',
  })
  assert.deepEqual(splitPassword('postgresql://u@h/d'), { url: 'postgresql://u@h/d', password: undefined })
  assert.equal(describeServer('postgresql://u@/d?host=%2Frun%2Fpg&port=5433'), '/run/pg:5433')
})

test('checksumFaultOf() finds the file and the block in whatever language the server speaks', () => {
  const warning = { severity: 'WARNING', code: '01000', detail: undefined, hint: undefined }
  const english = 'checksum verification failed in file "./base/5/16384", block 7: calculated 8F3C but expected 1A2B'
  const german =
    'Prüfsummenüberprüfung fehlgeschlagen in Datei »./base/5/16384«, Block 7: berechnet 8F3C, aber erwartet 1A2B'
  for (const message of [english, german]) {
    const fault = checksumFaultOf({ ...warning, message })
    assert.deepEqual([fault?.file, fault?.block], ['base/5/16384', 7], message)
  }
  const more = 'file "./base/5/16384" has a total of 12 checksum verification failures'
  assert.equal(checksumFaultOf({ ...warning, message: more })?.block, undefined)
  assert.equal(checksumFaultOf({ ...warning, message: 'skipping special file "./socket"' }), undefined)
})
