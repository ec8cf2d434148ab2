import assert from 'node:assert/strict'
import { test } from 'node:test'
import { givenFlags } from './given-flags.ts'

const options = [
  { short: '-r', long: '--repo', required: true },
  { long: '--policy', required: true },
  { short: '-e', long: '--exclude', required: true },
  { short: '-v', long: '--verbose', required: false },
  { short: '-x', required: false },
]

test('givenFlags() finds options in each way to write them, and not among values and operands', () => {
  const table: readonly [words: string, given: readonly string[]][] = [
    ['backup documents', []],
    ['backup -r /x', ['--repo']],
    ['-r/x backup', ['--repo']],
    ['backup --repo=/x', ['--repo']],
    ['backup --repo /x --policy y', ['--repo', '--policy']],
    ['backup -vr /x', ['--verbose', '--repo']],
    ['backup -vxr/x', ['--verbose', '-x', '--repo']],
    ['backup --exclude --repo', ['--exclude']],
    ['backup -e -r', ['--exclude']],
    ['backup -er', ['--exclude']],
    ['guard -- -r /x', []],
    ['backup --bogus -r /x', ['--bogus', '--repo']],
    ['backup -', []],
    ['backup --repo', ['--repo']],
  ]
  for (const [words, given] of table) assert.deepEqual([...givenFlags(words.split(' '), options)], given, words)
})
