import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { failurePageFaults, failureRows, failureTable, renewedPage } from './failures-page.ts'
import { projectFolder } from './source-files.ts'

test('docs/failures.md and the failure table say the same', () => {
  const page = readFileSync(join(projectFolder, 'docs/failures.md'), 'utf8')
  assert.deepEqual(failurePageFaults(page), [], 'npm run docs -- --write puts the tables into the page')
  assert.equal(renewedPage(page), page, 'npm run docs -- --write puts the tables into the page')
})

test('failurePageFaults() names a missing code, a stale one, and a cell that differs', () => {
  const rows = failureRows()
  assert.deepEqual(failurePageFaults(failureTable(rows)), [])
  const first = rows[0]!
  assert.deepEqual(failurePageFaults(failureTable(rows.slice(1))), [`docs/failures.md lacks "${first.code}"`])
  assert.equal(failurePageFaults(failureTable([...rows, { ...first, code: 'gone_by_now' }])).length, 1)
  const changed = [{ ...first, remedy: 'Do nothing.' }, ...rows.slice(1)]
  assert.match(failurePageFaults(failureTable(changed))[0]!, /remedy of "usage" is "Do nothing\."/)
})
