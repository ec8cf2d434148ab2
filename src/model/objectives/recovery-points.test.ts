import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleBackup, sampleId } from '../../../testing/backup-samples.ts'
import type { LocationName } from '../policy/policy.ts'
import type { Proof } from '../run.ts'
import type { WalStand } from '../wal-stand.ts'
import { type PointFacts, recoveryPoint } from './recovery-points.ts'

const at = (time: string): Date => new Date(`2026-11-${time}Z`)
const older = sampleBackup({ id: sampleId(1), source: 'main', takenAt: at('24T02:00:00') })
const newer = sampleBackup({ id: sampleId(2), source: 'main', takenAt: at('25T02:00:00') })
const stand: WalStand = {
  source: 'main',
  location: 'primary',
  systemIdentifier: '7',
  timeline: 1,
  end: 5n,
  since: at('20T00:00:00'),
  until: at('25T05:59:30'),
}

function pointOf(changes: Partial<PointFacts> = {}, location: LocationName = 'primary') {
  const both: ReadonlySet<LocationName> = new Set(['primary', 'secondary'])
  const facts = { source: 'main', complete: [newer, older], walStands: [], proofs: [], now: at('25T06:00:00') }
  const copiesOf = new Map([
    [newer.id, new Set(['primary'] as const)],
    [older.id, both],
  ])
  const { at: time, by, backup, provenAt } = recoveryPoint(location, { ...facts, copiesOf, ...changes })
  return [time?.toISOString(), by, backup?.id, provenAt?.toISOString()]
}

function proof(backup: string, time: string, changes: Partial<Proof> = {}): Proof {
  const common = { run: 'r', source: 'main', location: 'primary', outcome: 'equal', durationMs: 1 } as const
  return { ...common, at: at(time), backup, ...changes }
}

test('recoveryPoint() is the newest backup that lies at the location', () => {
  assert.deepEqual(pointOf(), ['2026-11-25T02:00:00.000Z', 'backup', newer.id, undefined])
  assert.deepEqual(pointOf({}, 'secondary'), ['2026-11-24T02:00:00.000Z', 'backup', older.id, undefined])
  assert.deepEqual(pointOf({ complete: [] }), [undefined, 'backup', undefined, undefined])
})

test('recoveryPoint() goes on with the log that is whole from a backup on, at its own location only', () => {
  const walStands = [stand]
  assert.deepEqual(pointOf({ walStands }), ['2026-11-25T05:59:30.000Z', 'log', newer.id, undefined])
  assert.deepEqual(pointOf({ walStands }, 'secondary'), ['2026-11-24T02:00:00.000Z', 'backup', older.id, undefined])
  // A clock that was put back makes nothing recoverable that is still to come.
  assert.equal(pointOf({ walStands, now: at('25T05:00:00') })[0], '2026-11-25T05:00:00.000Z')
})

test('recoveryPoint() takes no log that began after a gap behind the newest backup, nor one that ended before it', () => {
  const late = [{ ...stand, since: at('25T04:00:00') }]
  assert.deepEqual(pointOf({ walStands: late }), ['2026-11-25T02:00:00.000Z', 'backup', newer.id, undefined])
  const ended = [{ ...stand, until: at('25T01:00:00') }]
  assert.deepEqual(pointOf({ walStands: ended }), ['2026-11-25T02:00:00.000Z', 'backup', newer.id, undefined])
})

test('recoveryPoint() tells a gap of the log behind the newest backup, until a backup follows it, and none at the first piece', () => {
  const gapOf = (walStands: readonly WalStand[], complete = [newer, older]) => {
    const there = new Set(['primary'] as const)
    const copiesOf = new Map(complete.map(({ id }) => [id, there]))
    return recoveryPoint('primary', {
      source: 'main',
      complete,
      copiesOf,
      walStands,
      proofs: [],
      now: at('25T06:00:00'),
    }).gap
  }
  const since = at('25T04:00:00')
  const behind = { ...stand, since, gapFrom: at('25T03:00:00') }
  assert.deepEqual(gapOf([behind]), { from: at('25T03:00:00'), until: since })
  assert.equal(gapOf([{ ...stand, since }]), undefined)
  const after = sampleBackup({
    id: sampleId(3),
    source: 'main',
    takenAt: at('25T05:00:00'),
    endedAt: at('25T05:01:00'),
  })
  assert.equal(gapOf([behind], [after, newer]), undefined)
  assert.equal(gapOf([behind], []), undefined)
})

test('recoveryPoint() tells the newest backup whose last restore from there was equal', () => {
  const proofs = [proof(older.id, '24T03:00:00'), proof(newer.id, '25T03:00:00')]
  assert.equal(pointOf({ proofs })[3], '2026-11-25T02:00:00.000Z')
  const failed = [...proofs, proof(newer.id, '25T04:00:00', { outcome: 'different' })]
  assert.equal(pointOf({ proofs: failed })[3], '2026-11-24T02:00:00.000Z')
  assert.equal(pointOf({ proofs }, 'secondary')[3], undefined)
})
