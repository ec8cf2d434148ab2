import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../base/clock.ts'
import { keepingStream } from '../../../testing/fake-world.ts'
import { Output, type Verbosity } from './output.ts'
import { ProgressDisplay } from './progress-display.ts'

/** A clock whose sleepers wake only when it is moved. */
function steppedClock(): Clock & { step(ms: number): Promise<void> } {
  let nowMs = 0
  const sleepers = new Set<{ dueMs: number; wake: () => void }>()
  return {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { dueMs: nowMs + ms, wake: resolve }
        sleepers.add(sleeper)
        signal.addEventListener('abort', () => reject(new Error('stopped')))
      }),
    async step(ms) {
      nowMs += ms
      for (const sleeper of sleepers) {
        if (sleeper.dueMs > nowMs) continue
        sleepers.delete(sleeper)
        sleeper.wake()
      }
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

function display(options: { columns?: number; json?: boolean; verbosity?: Verbosity }) {
  const clock = steppedClock()
  const stdout = keepingStream()
  const stderr = keepingStream(options.columns)
  const output = new Output({ stdout, stderr, json: options.json ?? false, verbosity: options.verbosity ?? 'normal' })
  const shown = new ProgressDisplay({ output, clock, columns: options.columns, perSecond: undefined })
  return { clock, stdout, stderr, shown, output }
}

const half = {
  phase: 'back up',
  filesDone: 500,
  filesTotal: 1000,
  bytesDone: 50_000_000,
  bytesTotal: 100_000_000,
  gaps: 0,
}

test('ProgressDisplay shows share, counts, rate, rest and gaps in one line of a terminal', async () => {
  const { clock, stderr, shown } = display({ columns: 200 })
  shown.report({ ...half, bytesDone: 0 })
  await clock.step(100)
  shown.report({ ...half, gaps: 2, current: ['/home/file'] })
  await clock.step(1000)
  await shown.end()
  const lines = stderr.text().split('\r\u001B[2K')
  assert.equal(
    lines.at(-2),
    '[0:01] back up, 50.0 %, 500 of 1,000 files, 47.7 MiB of 95.4 MiB, 47.7 MiB/s, 0:01 left, 2 gaps: /home/file',
  )
  assert.equal(lines.at(-1), '')
})

test('ProgressDisplay never writes a line longer than the terminal', async () => {
  for (const columns of [20, 80, 100]) {
    const { clock, stderr, shown } = display({ columns })
    shown.report({ ...half, current: [`/${'deep/'.repeat(100)}file`] })
    await clock.step(100)
    await shown.end()
    for (const line of stderr.text().split('\r\u001B[2K')) assert.ok(line.length < columns, line)
  }
})

test('ProgressDisplay writes a plain line now and then where stderr is no terminal', async () => {
  const { clock, stderr, shown } = display({})
  shown.report(half)
  await clock.step(29_999)
  assert.equal(stderr.text(), '')
  await clock.step(1)
  await shown.end()
  assert.equal(stderr.text(), '[0:30] back up, 50.0 %, 500 of 1,000 files, 47.7 MiB of 95.4 MiB\n')
})

test('ProgressDisplay writes restic status documents with --json', async () => {
  const { clock, stdout, stderr, shown, output } = display({ json: true, columns: 80 })
  shown.report({ ...half, current: ['/a'] })
  await clock.step(1000)
  await shown.end()
  await output.end()
  assert.equal(stderr.text(), '')
  assert.deepEqual(JSON.parse(stdout.text()), {
    message_type: 'status',
    phase: 'back up',
    seconds_elapsed: 1,
    percent_done: 0.5,
    total_files: 1000,
    files_done: 500,
    total_bytes: 100_000_000,
    bytes_done: 50_000_000,
    error_count: 0,
    current_files: ['/a'],
  })
})

test('ProgressDisplay shows nothing with --quiet', async () => {
  const { clock, stdout, stderr, shown } = display({ verbosity: 'quiet', columns: 80 })
  shown.report(half)
  await clock.step(60_000)
  await shown.end()
  assert.equal(stdout.text() + stderr.text(), '')
})
