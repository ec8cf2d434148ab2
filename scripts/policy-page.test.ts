import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readPolicy } from '../src/model/policy/read-policy.ts'
import { policyJsonSchema } from '../src/model/policy/policy-json-schema.ts'
import { examplePolicy, policyPage } from './policy-page.ts'
import { projectFolder } from './source-files.ts'

test('docs/policy.md is what the schema says', () => {
  const page = readFileSync(join(projectFolder, 'docs/policy.md'), 'utf8')
  assert.equal(page, policyPage(), 'Run `npm run docs -- --write`')
})

test('the example of docs/policy.md is a policy without a fault, and says what the defaults are', () => {
  const { policy } = readPolicy(examplePolicy, '/etc/zakops-backup/policy.yaml')
  const bare = examplePolicy.replace(/^(schedule|objectives|testing):[^]*?(?=\n\S)/gm, '')
  assert.ok(!bare.includes('retention'))
  assert.deepEqual(readPolicy(bare, '/etc/zakops-backup/policy.yaml').policy, policy)
})

test('every setting has a meaning', () => {
  const missing: string[] = []
  const walk = (name: string, part: unknown): void => {
    if (typeof part !== 'object' || part === null) return
    for (const [key, value] of Object.entries(part)) {
      const below = value as { description?: string }
      if (name.endsWith('.properties') && below.description === undefined) missing.push(`${name}.${key}`)
      walk(`${name}.${key}`, value)
    }
  }
  walk('', policyJsonSchema())
  assert.deepEqual(missing, [])
})
