import assert from 'node:assert/strict'
import { argon2Sync, randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { neverStopped } from '../base/abort.ts'
import { argonCostSchema, defaultArgonCost } from './argon-cost.ts'
import { createKeyFile, keyFileProvider } from './key-file-provider.ts'
import { keyProviderContract } from './key-provider.contract.ts'
import { passphraseProvider } from './passphrase-provider.ts'

const signal = neverStopped()
const random = (count: number): Uint8Array => randomBytes(count)
const userId = process.getuid!()
const folder = mkdtempSync(join(tmpdir(), 'zakops-provider-'))
after(() => rmSync(folder, { recursive: true }))

const least = { memoryKiB: 19 * 1024, passes: 2, lanes: 1 }
keyProviderContract('passphraseProvider()', async () => ({
  first: passphraseProvider({ passphrase: 'correct horse', random, cost: least }),
  same: passphraseProvider({ passphrase: 'correct horse', random }),
  other: passphraseProvider({ passphrase: 'correct horse ', random }),
}))

let files = 0
async function newKeyFile(): Promise<string> {
  const path = join(folder, `key-${++files}`)
  await createKeyFile(path, random, signal)
  return path
}

keyProviderContract('keyFileProvider()', async () => {
  const path = await newKeyFile()
  return {
    first: keyFileProvider({ path, userId, random }),
    same: keyFileProvider({ path, userId, random }),
    other: keyFileProvider({ path: await newKeyFile(), userId, random }),
  }
})

test("Node's Argon2id is that of RFC 9106, section 5.3", () => {
  const tag = argon2Sync('argon2id', {
    message: Buffer.alloc(32, 1),
    nonce: Buffer.alloc(16, 2),
    secret: Buffer.alloc(8, 3),
    associatedData: Buffer.alloc(12, 4),
    parallelism: 4,
    tagLength: 32,
    memory: 32,
    passes: 3,
  })
  assert.equal(tag.toString('hex'), '0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659')
})

test('the costs of Argon2id have a floor and a ceiling, and the default is between', () => {
  assert.ok(argonCostSchema.safeParse(defaultArgonCost).success)
  assert.ok(argonCostSchema.safeParse(least).success)
  for (const change of [{ memoryKiB: 19 * 1024 - 1 }, { passes: 1 }, { lanes: 0 }]) {
    assert.equal(argonCostSchema.safeParse({ ...least, ...change }).success, false)
  }
  for (const change of [{ memoryKiB: 2 ** 20 + 1 }, { passes: 17 }, { lanes: 17 }]) {
    assert.equal(argonCostSchema.safeParse({ ...least, ...change }).success, false)
  }
})

test('createKeyFile() makes a file for its owner only and never replaces one', async () => {
  const path = await newKeyFile()
  assert.equal(statSync(path).mode & 0o777, 0o600)
  await assert.rejects(createKeyFile(path, random, signal), { code: 'refused' })
})

test('keyFileProvider() refuses a file that others may read, that is not ours, or that holds no key, and says what to do', async () => {
  const key = new Uint8Array(32)
  const context = { keyring: 'a', version: 1 }
  const refusal = async (path: string, user = userId): Promise<string> => {
    const provider = keyFileProvider({ path, userId: user, random })
    const error: unknown = await provider.wrap(key, context, signal).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    const { code, message, facts } = error as { code: string; message: string; facts: { hint?: string } }
    return `${code}: ${message}. ${facts.hint ?? ''}`
  }
  const path = await newKeyFile()
  for (const mode of [0o640, 0o604, 0o620, 0o602]) {
    chmodSync(path, mode)
    assert.match(await refusal(path), /^keyring_locked: .*its mode is 06\d\d, .*expected 0600\. Run: chmod 600/)
  }
  chmodSync(path, 0o600)
  assert.match(await refusal(path, userId + 1), /belongs to user \d+, expected \d+.* Run: chown/)
  assert.equal(await refusal(path).catch(() => 'wrapped'), 'wrapped')
  symlinkSync(path, join(folder, 'link'))
  for (const text of [
    '',
    'x',
    `${Buffer.alloc(31).toString('base64')}\n`,
    `${Buffer.alloc(33).toString('base64')}\n`,
  ]) {
    writeFileSync(path, text)
    assert.match(await refusal(path), /keyring_locked: .*not 32 bytes in base64/)
    assert.match(await refusal(join(folder, 'link')), /keyring_locked/)
  }
  assert.match(await refusal(join(folder, 'absent')), /^secret_missing: Cannot read key file .*no such file/)
  assert.match(await refusal(folder), /^keyring_locked: .*no regular file/)
})

test('keyFileProvider() refuses the file of another user', {
  skip: userId === 0 ? false : 'only root can give files away',
}, async () => {
  const path = await newKeyFile()
  chownSync(path, 65_534, 65_534)
  const provider = keyFileProvider({ path, userId, random })
  await assert.rejects(provider.wrap(new Uint8Array(32), { keyring: 'a', version: 1 }, signal), {
    message: /belongs to user 65534/,
  })
})
