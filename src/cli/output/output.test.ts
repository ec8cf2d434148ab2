import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepingStream } from '../../../testing/fake-world.ts'
import { isFailure } from '../../base/failure.ts'
import { Output, type Verbosity } from './output.ts'

function output(options: { json?: boolean; verbosity?: Verbosity; columns?: number } = {}) {
  const stdout = keepingStream(options.columns)
  const stderr = keepingStream(options.columns)
  const made = new Output({ stdout, stderr, json: options.json ?? false, verbosity: options.verbosity ?? 'normal' })
  return { stdout, stderr, made }
}

test('Output sends results to stdout and all else to stderr', async () => {
  const { stdout, stderr, made } = output()
  made.line('result')
  made.notice('opened')
  made.problem({ during: 'back up', item: '/a', message: 'denied' })
  await made.end()
  assert.equal(stdout.text(), 'result\n')
  assert.equal(stderr.text(), 'opened\nback up: /a: denied\n')
})

/** What is told of one notice for each level. */
function told(verbosity: Verbosity): string {
  const { stderr, made } = output({ verbosity })
  for (const level of ['normal', 'verbose', 'everything'] as const) made.notice(level, level)
  return stderr.text()
}

test('Output tells as much as was asked for', async () => {
  assert.equal(told('quiet'), '')
  assert.equal(told('normal'), 'normal\n')
  assert.equal(told('verbose'), 'normal\nverbose\n')
  assert.equal(told('everything'), 'normal\nverbose\neverything\n')
})

test('Output writes documents and problems as JSON lines, and no notices', async () => {
  const { stdout, stderr, made } = output({ json: true })
  made.document({ inode: 2n ** 63n, name: 'a\nb' })
  made.notice('opened')
  made.problem({ during: 'archival', item: '/a', message: 'denied' })
  await made.end()
  assert.equal(stdout.text(), '{"inode":9223372036854775808,"name":"a\\nb"}\n')
  assert.deepEqual(JSON.parse(stderr.text()), {
    message_type: 'error',
    error: { message: 'denied' },
    during: 'archival',
    item: '/a',
  })
})

test('Output keeps the progress line of a terminal below what it prints', async () => {
  const { stderr, made } = output({ columns: 80 })
  made.status('50 %')
  made.notice('a notice')
  made.status('')
  assert.equal(stderr.text(), '\r\u001B[2K50 %\r\u001B[2Ka notice\n50 %\r\u001B[2K')
})

test('Output.room() waits while stdout is congested', async () => {
  const written: (() => void)[] = []
  const stdout = {
    write: (_: string | Uint8Array, done: () => void = () => {}) => {
      written.push(done)
      return false
    },
  }
  const made = new Output({ stdout, stderr: keepingStream(), json: false, verbosity: 'normal' })
  await made.room()
  made.line('x'.repeat(100_000))
  let hasRoom = false
  const room = made.room().then(() => {
    hasRoom = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(hasRoom, false)
  written[0]!()
  await room
  assert.equal(hasRoom, true)
})

test('Output.end() and Output.room() fail where a line could not be written', async () => {
  const stdout = {
    write: (_: string | Uint8Array, done: (error?: Error) => void = () => {}) => {
      done(Object.assign(new Error('no room'), { code: 'ENOSPC' }))
      return true
    },
  }
  const made = new Output({ stdout, stderr: keepingStream(), json: false, verbosity: 'normal' })
  made.line('x'.repeat(100_000))
  await assert.rejects(made.room(), (error) => isFailure(error, 'target_failed'))
  await assert.rejects(made.end(), (error) => isFailure(error, 'target_failed'))
})
