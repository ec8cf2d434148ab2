import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleRun } from '../../../testing/backup-samples.ts'
import { type EvidenceEntry, nextEntry } from '../evidence/evidence-entry.ts'
import type { Run } from '../run.ts'
import { measuredReplays, serviceTimes, setUpTime } from './measured-times.ts'

const at = new Date('2026-11-25T06:00:00Z')

function entry(kind: 'step' | 'drill', facts: EvidenceEntry['facts']): EvidenceEntry {
  return nextEntry({ sequence: 0, hash: 'a'.repeat(64) }, { at, kind, actor: 'ann', facts })
}

function step(run: string, name: string, durationMs: number, state = 'done'): EvidenceEntry {
  return entry('step', { run, step: name, state, durationMs })
}

function restoreOf(source: string, id: string): Run {
  return { ...sampleRun({ id, procedure: 'database-restore', source }), state: 'running' }
}

const [stop, start, validate] = ['Stop dependent services', 'Restart services', 'Validate application functionality']

test('serviceTimes() adds up the steps of a run over its tries, and takes the slowest run', () => {
  const entries = [
    step('run-1', stop, 1000),
    step('run-1', start, 9, 'failed'),
    step('run-1.2', start, 200),
    step('run-1.2', validate, 30),
    step('run-1.2', 'Verify data integrity', 99_999),
    ...[stop, start, validate].map((name) => step('run-2', name, 1)),
  ]
  const runs = [restoreOf('orders', 'run-1'), restoreOf('orders', 'run-1.2'), restoreOf('orders', 'run-2')]
  assert.deepEqual(serviceTimes(entries, runs), { orders: 1230 })
})

test('serviceTimes() takes nothing from a run that did not come to its end, or is not known', () => {
  const half = [step('run-1', stop, 1000), step('run-1', start, 200)]
  assert.deepEqual(serviceTimes([...half, step('run-9', validate, 5)], [restoreOf('orders', 'run-1')]), {})
})

test('setUpTime() is what drills took besides their sources, the middle one of the last three', () => {
  const drill = (durationMs: number) =>
    entry('drill', { durationMs, sources: [{ durationMs: 100 }, { durationMs: 50 }, 'odd'] })
  assert.equal(setUpTime([drill(400)]), 250)
  assert.equal(setUpTime([drill(1000), drill(400)]), 550)
  assert.equal(setUpTime([drill(9), drill(1000), drill(400), drill(500)]), 350)
  assert.equal(setUpTime([]), undefined)
  assert.equal(setUpTime([entry('drill', { durationMs: 5 })]), undefined)
})

function replayed(run: string, result: unknown, state = 'done'): EvidenceEntry {
  return entry('step', { run, step: 'Apply transaction logs to target time', state, durationMs: 1000, result })
}

test('measuredReplays() takes the steps that replayed log, of runs that are known', () => {
  const entries = [
    replayed('run-1.2', { replayedBytes: 5, url: 'postgresql:' }),
    replayed('run-1', { replayedBytes: 6 }, 'failed'),
    replayed('run-9', { replayedBytes: 7 }),
    replayed('run-1', { replayedBytes: '8' }),
    replayed('run-1', null),
    step('run-1', 'Verify recovered data', 3),
  ]
  const runs = [restoreOf('main', 'run-1'), restoreOf('main', 'run-1.2')]
  assert.deepEqual(measuredReplays(entries, runs), [{ source: 'main', at, bytes: 5, durationMs: 1000 }])
})
