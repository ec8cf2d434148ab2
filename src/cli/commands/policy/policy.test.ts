import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { type CommandRun, runWords } from '../../../../testing/fake-world.ts'
import { samplePolicyText } from '../../../../testing/sample-policy.ts'
import { temporaryFolder } from '../../../../testing/temporary-folder.ts'
import { fakeClock } from '../../../base/clock.ts'
import { policyJsonSchema } from '../../../model/policy/policy-json-schema.ts'

function type(workingDirectory: string, ...words: readonly string[]): Promise<CommandRun> {
  return runWords(words, { workingDirectory, clock: fakeClock(new Date('2026-11-25T03:00:00Z')) })
}

test('policy check exits 0 without a fault, and 2 with all faults, also as JSON', async () => {
  await using folder = temporaryFolder('policy')
  const file = folder.at('zakops-backup.yaml')
  writeFileSync(file, samplePolicyText)
  const good = await type(folder.path, 'policy', 'check')
  assert.deepEqual([good.code, good.stdout], [0, `${file} has no fault: production, 3 sources\n`])
  assert.equal(
    (JSON.parse((await type(folder.path, 'policy', 'check', '--json')).stdout) as { path: string }).path,
    file,
  )

  writeFileSync(file, samplePolicyText.replace('version: 1', 'version: 2').replace('kind: files', 'kind: file'))
  const bad = await type(folder.path, 'policy', 'check')
  assert.deepEqual([bad.code, bad.stdout], [2, ''])
  assert.ok(
    bad.stderr.includes(`\n  ${file}:1:10: version: found 2, expected 1\n  ${file}:15:22: sources.documents.kind: `),
  )
  const report = JSON.parse((await type(folder.path, '--json', 'policy', 'check')).stderr) as Record<string, unknown>
  assert.equal(report['failure'], 'policy_invalid')
  assert.partialDeepStrictEqual(report['faults'], [
    { line: 1, column: 10, path: 'version', found: '2', wanted: '1' },
    { line: 15, path: 'sources.documents.kind', hint: 'did you mean "files"?' },
  ])
  assert.equal((await type(folder.path, 'policy', 'check', '--policy', 'gone.yaml')).code, 2)
})

test('policy show tells the effective policy in words, in 80 columns, and the next ten due times', async () => {
  await using folder = temporaryFolder('policy')
  writeFileSync(folder.at('p.yaml'), samplePolicyText)
  const { code, stdout } = await type(folder.path, 'policy', 'show', '--policy', 'p.yaml')
  assert.equal(code, 0)
  const lines = stdout.split('\n')
  for (const title of ['Backup schedule', 'Backup locations', 'Encryption', 'Testing', 'Recovery objectives']) {
    assert.ok(lines.includes(title), title)
  }
  assert.ok(lines.slice(2).every((line) => line.length <= 80))
  assert.match(stdout, /^ {2}Full backups {14}weekly, Sunday 02:00 UTC; kept: the last 4, and all$/m)
  assert.match(stdout, /^ {2}Recovery point \(RPO\) {6}24 hours$/m)
  const due = lines.slice(lines.indexOf('Next 10 due times') + 1).filter((line) => line !== '')
  assert.equal(due.length, 10)
  assert.equal(due[0], '  Thu 2026-11-26 02:00 UTC  incremental backup of documents, orders, main')
  assert.equal(due[3], '  Sun 2026-11-29 02:00 UTC  full backup of documents, orders, main')
})

test('policy diff says what changed and what of it weakens', async () => {
  await using folder = temporaryFolder('policy')
  writeFileSync(folder.at('zakops-backup.yaml'), samplePolicyText)
  writeFileSync(
    folder.at('old.yaml'),
    samplePolicyText.replace('state:', 'objectives: { recoveryTime: 2 hours }\nstate:'),
  )
  const { stdout } = await type(folder.path, 'policy', 'diff', 'old.yaml')
  assert.equal(stdout, 'weaker  RTO: 4 hours, before it was 2 hours\n1 change, one of them weakens the policy\n')
  assert.equal((await type(folder.path, 'policy', 'diff', 'zakops-backup.yaml')).stdout, 'the policies say the same\n')
  assert.equal((await type(folder.path, 'policy', 'diff', 'gone.yaml')).code, 2)
  const json = JSON.parse((await type(folder.path, 'policy', 'diff', 'old.yaml', '--json')).stdout) as object
  assert.partialDeepStrictEqual(json, { weakens: true, changes: [{ setting: 'objectives.recoveryTime' }] })
})

test('policy schema prints the JSON Schema', async () => {
  const { stdout } = await runWords(['policy', 'schema'])
  assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(policyJsonSchema())))
})
