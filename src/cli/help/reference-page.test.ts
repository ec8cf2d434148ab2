import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runWords } from '../../../testing/fake-world.ts'

test('docs/commands.md is what the program says of itself', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/commands.md'), 'utf8')
  const run = await runWords(['help', '--markdown'])
  assert.equal(page, run.stdout, 'Run `bin/zakops-backup help --markdown > docs/commands.md`')
})
