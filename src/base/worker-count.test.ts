import assert from 'node:assert/strict'
import { test } from 'node:test'
import { workersMax, workersOfCores } from './worker-count.ts'

test('workersOfCores() is one for each core, and stays startable on machines of many', () => {
  assert.equal(workersOfCores(2), 2)
  assert.equal(workersOfCores(1024), workersMax)
})
