import assert from 'node:assert/strict'
import { Command } from '@commander-js/extra-typings'
import { test } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { addGlobalOptions, type GlobalOptions, readGlobalOptions } from './global-options.ts'

/** What the options are for these words after the program's name; the command is called "work". */
function read(words: readonly string[], environment: Readonly<Record<string, string>> = {}): GlobalOptions {
  const program = new Command('program').enablePositionalOptions().exitOverride()
  addGlobalOptions(program)
  let options: GlobalOptions | undefined
  const work = program.command('work').action((_, self) => {
    options = readGlobalOptions(self, environment)
  })
  addGlobalOptions(work)
  program.parse([...words], { from: 'user' })
  return options!
}

test('readGlobalOptions() knows an option before and after the command, and lets the later one win', () => {
  assert.equal(read(['-r', '/a', 'work']).repo, '/a')
  assert.equal(read(['work', '-r', '/b']).repo, '/b')
  assert.equal(read(['-r', '/a', 'work', '-r', '/b']).repo, '/b')
})

test('readGlobalOptions() counts -v on both sides', () => {
  assert.equal(read(['work']).verbosity, 'normal')
  assert.equal(read(['-v', 'work']).verbosity, 'verbose')
  assert.equal(read(['-v', 'work', '-v']).verbosity, 'everything')
  assert.equal(read(['work', '-vv']).verbosity, 'everything')
  assert.equal(read(['work', '-q']).verbosity, 'quiet')
})

test('readGlobalOptions() lets the command line win over the environment', () => {
  const environment = {
    RESTIC_REPOSITORY_FILE: '/env',
    RESTIC_PASSWORD: 'env',
    RESTIC_PASSWORD_FILE: '/env',
    RESTIC_COMPRESSION: 'max',
    RESTIC_PACK_SIZE: '64',
  }
  const fromEnvironment = read(['work'], environment)
  assert.equal(fromEnvironment.repositoryFile, '/env')
  assert.equal(fromEnvironment.passwordFile, '/env')
  assert.equal(fromEnvironment.password, 'env')
  assert.equal(fromEnvironment.compression, 'max')
  assert.equal(fromEnvironment.packSize, 64)
  const fromWords = read(['work', '-r', '/a', '--password-command', 'b', '--compression', 'off'], environment)
  assert.equal(fromWords.repo, '/a')
  assert.equal(fromWords.repositoryFile, undefined)
  assert.equal(fromWords.passwordCommand, 'b')
  assert.equal(fromWords.passwordFile, undefined)
  assert.equal(fromWords.password, undefined)
  assert.equal(fromWords.compression, 'off')
})

test('readGlobalOptions() refuses a wrong word of the environment', () => {
  const wrong: Record<string, string>[] = [
    { RESTIC_COMPRESSION: 'much' },
    { RESTIC_PACK_SIZE: '3' },
    { RESTIC_PROGRESS_FPS: 'x' },
  ]
  for (const environment of wrong) {
    assert.throws(
      () => read(['work'], environment),
      (error) => isFailure(error, 'usage'),
    )
  }
})

test('readGlobalOptions() reads locks, limits and durations', () => {
  const options = read(['work', '--no-lock', '--retry-lock', '5m', '--limit-upload', '100'])
  assert.equal(options.lock, false)
  assert.equal(options.retryLockMs, 300_000)
  assert.equal(options.limitUpload, 100)
  assert.equal(options.limitDownload, 0)
})
