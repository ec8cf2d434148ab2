import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { sampleBackup, sampleId, snapshotOf } from '../../testing/backup-samples.ts'
import { isFailure } from '../base/failure.ts'
import { backupKinds } from './backup.ts'
import type { Backup } from './backup.ts'
import { backupOfSnapshot, tagsOf } from './backup-tags.ts'
import { environments, sourceKinds } from './policy/policy.ts'

const backups: fc.Arbitrary<Backup> = fc.record(
  {
    id: fc.nat().map(sampleId),
    environment: fc.constantFrom(...environments),
    source: fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,62}$/),
    sourceKind: fc.constantFrom(...sourceKinds),
    kind: fc.constantFrom(...backupKinds),
    generation: fc.nat(),
    policyDigest: fc.stringMatching(/^[0-9a-f]{16}$/),
    run: fc.stringMatching(/^run-[0-9a-f]{16}$/),
    takenAt: fc.date({ min: new Date(0), max: new Date('9999-01-01'), noInvalidDate: true }),
    endedAt: fc.date({ min: new Date(0), max: new Date('9999-01-01'), noInvalidDate: true }),
    tree: fc.nat().map(sampleId),
    files: fc.maxSafeNat(),
    bytes: fc.maxSafeNat(),
    bytesAdded: fc.maxSafeNat(),
    gaps: fc.nat(),
  },
  { noNullPrototype: true },
)

test('backupOfSnapshot() answers the backup whose tags tagsOf() made, whatever other tags there are', () => {
  fc.assert(
    fc.property(backups, fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { maxLength: 3 }), (backup, others) => {
      assert.deepEqual(backupOfSnapshot(snapshotOf(backup, [...others, ...tagsOf(backup)]), backup.generation), backup)
      assert.ok(tagsOf(backup).every((tag) => !/[,\s]/.test(tag)))
    }),
  )
})

test('tagsOf() says the policy by 16 digits, and gaps only where there are any', () => {
  const tags = ['environment=production', 'source=documents', 'source-kind=files', 'kind=full']
  const digest = '0123456789abcdef'
  const last = [`policy=${digest}`, 'run=run-0000000000000001']
  assert.deepEqual(tagsOf(sampleBackup({ policyDigest: digest.repeat(4) })), [...tags, ...last])
  assert.deepEqual(tagsOf(sampleBackup({ gaps: 3 })), [...tags, ...last, 'gaps=3'])
  assert.throws(
    () => tagsOf(sampleBackup({ run: 'a,b' })),
    (error) => isFailure(error, 'defect'),
  )
  assert.throws(
    () => tagsOf(sampleBackup({ gaps: -1 })),
    (error) => isFailure(error, 'defect'),
  )
})

test('backupOfSnapshot() takes snapshots of others for foreign', () => {
  for (const tags of [[], ['nightly'], ['kind=full', 'source=x'], ['runs=1', 'environmental=x']]) {
    assert.equal(backupOfSnapshot(snapshotOf(sampleBackup(), tags), 1), undefined, tags.join())
  }
  const { tags, ...bare } = snapshotOf(sampleBackup())
  assert.equal(tags!.length, 6)
  assert.equal(backupOfSnapshot(bare, 1), undefined)
})

test('backupOfSnapshot() tells each malformed tag', () => {
  const cases: readonly (readonly [string, string | undefined, RegExp])[] = [
    ['environment', 'environment=moon', /tag "environment=moon", expected one of production, staging, development$/],
    ['source', 'source=../x', /tag "source=\.\.\/x", expected the name of a source/],
    ['source-kind', undefined, /no tag "source-kind=…", expected one of files/],
    ['kind', 'kind=half', /tag "kind=half", expected one of full/],
    ['policy', 'policy=12', /tag "policy=12", expected 16 hex/],
    ['run', 'run=', /tag "run=", expected the id of a run/],
    ['gaps', 'gaps=0', /tag "gaps=0", expected a count from 1/],
    ['gaps', 'gaps=-4', /gaps=-4/],
    ['none', 'kind=full', /2 tags "kind=…", expected one of/],
  ]
  for (const [key, tag, message] of cases) {
    const tags = tagsOf(sampleBackup({ gaps: 2 })).filter((one) => !one.startsWith(`${key}=`))
    assert.throws(
      () => backupOfSnapshot(snapshotOf(sampleBackup(), tag === undefined ? tags : [...tags, tag]), 1),
      (error) => isFailure(error, 'repository_damaged') && message.test(error.message),
      tag,
    )
  }
  const { summary, ...uncounted } = snapshotOf(sampleBackup())
  assert.equal(summary!.total_files_processed, 10)
  assert.throws(() => backupOfSnapshot(uncounted, 1), /it has no summary, expected the counts/)
})
