import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { temporaryFolder } from '../../testing/temporary-folder.ts'
import { resolveSecret } from './resolve-secret.ts'

test('resolveSecret() finds a secret in the environment or a file, without the newline at its end', async () => {
  await using folder = temporaryFolder('secret')
  const environment = { SECRET: ' a b\n', EMPTY: '' }
  const resolve = async (reference: string): Promise<string> => resolveSecret(reference, { environment, readFile })
  assert.equal(await resolve('env:SECRET'), ' a b\n')
  const path = folder.at('secret')
  for (const [text, secret] of [
    ['a b', 'a b'],
    ['a b\n', 'a b'],
    ['a b\r\n', 'a b'],
    ['a b\n\n', 'a b\n'],
    [' \n', ' '],
  ] as const) {
    writeFileSync(path, text)
    assert.equal(await resolve(`file:${path}`), secret)
  }
})

test('resolveSecret() says what is missing, and never repeats a secret', async () => {
  await using folder = temporaryFolder('secret')
  const environment = { EMPTY: '' }
  const refuses = async (reference: string, code: string, message: RegExp): Promise<void> =>
    assert.rejects(resolveSecret(reference, { environment, readFile }), { code, message })
  await refuses('env:ABSENT', 'secret_missing', /environment variable "ABSENT": it is not set/)
  await refuses('env:EMPTY', 'secret_missing', /"EMPTY": it is empty/)
  await refuses(`file:${folder.at('absent')}`, 'secret_missing', /absent": there is no such file/)
  mkdirSync(folder.at('folder'))
  await refuses(`file:${folder.at('folder')}`, 'secret_missing', /can not be read \(EISDIR\)/)
  writeFileSync(folder.at('empty'), '\n')
  await refuses(`file:${folder.at('empty')}`, 'secret_missing', /it is empty/)
  writeFileSync(folder.at('binary'), Buffer.from([0xff, 0xfe]))
  await refuses(`file:${folder.at('binary')}`, 'secret_missing', /not UTF-8/)
  writeFileSync(folder.at('long'), 'x'.repeat(65_537))
  await refuses(`file:${folder.at('long')}`, 'secret_missing', /at most 65536/)
  await refuses('hunter2', 'usage', /^((?!hunter2).)*$/)
})
