import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '../base/failure.ts'
import { describeFailure, failureDocument, failureText } from './describe-failure.ts'

const failure = new Failure('repository_damaged', 'Cannot read pack "ab"', {
  facts: { hint: 'Heal it', objectName: 'data/ab', inode: 2n ** 60n },
  cause: new Error('EIO'),
})

test('failureText() says what happened, what may help, what to do, and the code', () => {
  assert.equal(
    failureText(describeFailure(failure)),
    [
      'zakops-backup: Cannot read pack "ab": EIO',
      '  hint:    Heal it',
      '  to do:   Run `check --read-data` for the whole extent, then `heal` from a mirror.',
      '  failure: repository_damaged (exit code 5)',
    ].join('\n'),
  )
})

test('failureDocument() is JSON with all facts', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(failureDocument(describeFailure(failure)))), {
    message_type: 'exit_error',
    code: 5,
    message: 'Cannot read pack "ab": EIO',
    failure: 'repository_damaged',
    hint: 'Heal it',
    remedy: 'Run `check --read-data` for the whole extent, then `heal` from a mirror.',
    facts: { hint: 'Heal it', objectName: 'data/ab', inode: '1152921504606846976' },
  })
})

test('describeFailure() takes what is no Failure for a defect, and keeps its stack', () => {
  const report = describeFailure(new TypeError('x is not a function'))
  assert.equal(report.code, 'defect')
  assert.equal(report.exitCode, 1)
  assert.match(failureText(report), /TypeError: x is not a function\n {4}at /)
  assert.equal(describeFailure('thrown text').message, 'thrown text')
})
