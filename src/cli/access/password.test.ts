import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { fakeWorld, keepingStream } from '../../../testing/fake-world.ts'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { askPassword } from './ask-password.ts'
import { givenPassword, newPassword, type PasswordOptions } from './password.ts'

const none: PasswordOptions = {
  password: undefined,
  passwordFile: undefined,
  passwordCommand: undefined,
  insecureNoPassword: false,
}

async function withFile(content: string | Uint8Array, use: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'zakops-cli-'))
  try {
    await writeFile(join(folder, 'password'), content)
    await use(join(folder, 'password'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A terminal to type at. */
function terminal(): PassThrough & { isTTY: boolean; setRawMode(): void } {
  return Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} })
}

function isUsage(error: unknown): boolean {
  return isFailure(error, 'usage')
}

test('givenPassword() takes it from a file without blanks at the ends and without a byte order mark', async () => {
  const forms = ['  hüt te \n', '\uFEFFhüt te', Buffer.from('\uFEFFhüt te\r\n', 'utf16le')]
  forms.push(Buffer.from('\uFEFFhüt te\r\n', 'utf16le').swap16())
  for (const form of forms) {
    await withFile(form, async (passwordFile) => {
      assert.equal(await givenPassword({ ...none, passwordFile }, neverStopped()), 'hüt te')
    })
  }
})

test('givenPassword() takes it from a command, run without a shell', async () => {
  const passwordCommand = `printf '%s\\n' "a  $HOME b"`
  assert.equal(await givenPassword({ ...none, passwordCommand }, neverStopped()), 'a  $HOME b')
})

test('givenPassword() takes it from the environment as it is', async () => {
  assert.equal(await givenPassword({ ...none, password: ' a ' }, neverStopped()), ' a ')
})

test('givenPassword() answers undefined where the user is to be asked', async () => {
  assert.equal(await givenPassword(none, neverStopped()), undefined)
})

test('givenPassword() refuses what contradicts itself, fails, or is empty', async () => {
  const wrong: Partial<PasswordOptions>[] = [
    { passwordFile: '/a', passwordCommand: 'b' },
    { passwordFile: '/nowhere/at/all' },
    { passwordCommand: 'false' },
    { passwordCommand: '/nowhere/at/all' },
    { passwordCommand: 'true' },
    { passwordCommand: '' },
    { password: '' },
    { password: 'a', insecureNoPassword: true },
  ]
  for (const options of wrong) {
    await assert.rejects(givenPassword({ ...none, ...options }, neverStopped()), isUsage, JSON.stringify(options))
  }
})

test('givenPassword() answers the empty password only where it was asked for', async () => {
  assert.equal(await givenPassword({ ...none, insecureNoPassword: true }, neverStopped()), '')
})

test('askPassword() shows nothing of what is typed, and knows backspace', async () => {
  const stdin = terminal()
  const stderr = keepingStream(80)
  const asked = askPassword('password', fakeWorld({ stdin, stderr }))
  stdin.write('sekrx')
  stdin.write('\u007Fet\r')
  assert.equal(await asked, 'sekret')
  assert.equal(stderr.text(), 'password: \n')
})

test('askPassword() ends at Ctrl-C, at a signal, and where there is no terminal', async () => {
  const stdin = terminal()
  const asked = askPassword('password', fakeWorld({ stdin }))
  stdin.write('a\u0003')
  await assert.rejects(asked, (error) => isFailure(error, 'stopped'))

  const stop = new AbortController()
  const waiting = askPassword('password', fakeWorld({ stdin: terminal(), signal: stop.signal }))
  stop.abort()
  await assert.rejects(waiting, (error) => isFailure(error, 'stopped'))

  await assert.rejects(askPassword('password', fakeWorld({})), isUsage)
})

test('newPassword() wants the same twice', async () => {
  const stdin = terminal()
  const world = fakeWorld({ stdin })
  const typed = async (first: string, second: string): Promise<string> => {
    const asked = newPassword(none, 'new password', world)
    asked.catch(() => {}) // It is looked at below.
    await new Promise((resolve) => setImmediate(resolve))
    stdin.write(`${first}\r`)
    await new Promise((resolve) => setImmediate(resolve))
    stdin.write(`${second}\r`)
    return await asked
  }
  assert.equal(await typed('a', 'a'), 'a')
  await assert.rejects(typed('a', 'b'), isUsage)
})
