import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandList } from './command-list.ts'
import { runWords } from '../../testing/fake-world.ts'
import { programVersion } from './program-version.ts'

test('runCommandLine() without words shows help on stderr and answers usage', async () => {
  const run = await runWords([])
  assert.equal(run.code, 2)
  assert.equal(run.stdout, '')
  assert.match(run.stderr, /^Usage: zakops-backup/)
})

test('runCommandLine() shows help on stdout when it is asked for', async () => {
  for (const words of [['--help'], ['help'], ['-h']]) {
    const run = await runWords(words)
    assert.equal(run.code, 0, words.join(' '))
    assert.match(run.stdout, /Backups:\n {2}backup /)
    assert.match(run.stdout, /Exit codes: 0 done/)
    assert.equal(run.stderr, '')
  }
})

test('runCommandLine() shows the same help of a command in each way to ask for it', async () => {
  const run = await runWords(['help', 'completion'])
  assert.equal(run.code, 0)
  assert.match(run.stdout, /^Usage: zakops-backup completion \[options\] <shell>/)
  assert.match(run.stdout, /Examples:\n {2}# for every user of bash\n/)
})

test('runCommandLine() tells an unknown command and an unknown option as wrong usage', async () => {
  for (const words of [
    ['bakcup'],
    ['version', '--bogus'],
    ['help', 'bogus'],
    ['completion', 'csh'],
    ['version', 'a'],
  ]) {
    const run = await runWords(words)
    assert.equal(run.code, 2, words.join(' '))
    assert.match(run.stderr, /^zakops-backup: /)
    assert.equal(run.stdout, '')
  }
})

test('runCommandLine() tells failures as one JSON document with --json', async () => {
  const run = await runWords(['version', '--bogus', '--json'])
  assert.deepEqual(JSON.parse(run.stderr), {
    message_type: 'exit_error',
    code: 2,
    message: "unknown option '--bogus'",
    failure: 'usage',
  })
})

test('runCommandLine() takes the options of every command before and after its name', async () => {
  for (const words of [
    ['--json', 'version'],
    ['version', '--json'],
  ]) {
    assert.deepEqual(JSON.parse((await runWords(words)).stdout), { message_type: 'version', version: '0.0.0-test' })
  }
})

test('every command has help with a usage line', async () => {
  for (const entry of commandList) {
    const run = await runWords(['help', entry.name])
    assert.equal(run.code, 0, entry.name)
    assert.match(run.stdout, new RegExp(`^Usage: zakops-backup ${entry.name} `))
  }
})

test('programVersion is the version of the package', () => {
  const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')
  assert.equal((JSON.parse(text) as { version: string }).version, programVersion)
})
