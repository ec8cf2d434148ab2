import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { freshKeyring, keyringWorld } from '../../testing/fresh-keyring.ts'
import { temporaryFolder } from '../../testing/temporary-folder.ts'
import { neverStopped } from '../base/abort.ts'
import { isFailure } from '../base/failure.ts'
import { recoverKeyring } from './open-keyring.ts'
import { keyringOfShares, type MadeShare, makeKit, openKit } from './recovery-kit.ts'
import { decodeShareWords, encodeShareWords, shareBytes } from './share-words.ts'

const signal = neverStopped()
const world = keyringWorld()
const name = { environment: 'production', generation: 1 } as const

const policyText = `version: 1\n${'# a policy that says much of the same\n'.repeat(50)}`

async function kitOf(folder: ReturnType<typeof temporaryFolder>) {
  const keyring = await freshKeyring(folder, { world })
  const facts = { environment: 'production', createdAt: world.clock.now(), shares: 5, threshold: 3 } as const
  const places = { primary: '/srv/backup', secondary: 'sftp:off-site' }
  const made = await makeKit({ ...facts, places, random: world.random, policy: policyText }, async (passphrase) => ({
    exported: await keyring.exportMaterial(passphrase, signal),
    restic: [],
  }))
  return { keyring, ...made, texts: made.shares.map((share) => textOf(share)) }
}

function textOf({ lines }: MadeShare): string {
  return `a page\n${lines.join('\n\n')}\nits end\n`
}

async function assertRefused(texts: readonly string[], code: 'kit_locked' | 'kit_damaged', message: RegExp) {
  await assert.rejects(keyringOfShares(texts), (error) => {
    assert.ok(isFailure(error, code), String(error))
    assert.match(error.message, message)
    assert.equal(typeof error.facts['hint'], 'string', 'it says what to do')
    return true
  })
}

test('any three of five shares bring a lost keyring back, and fewer say so', async () => {
  await using folder = temporaryFolder('kit')
  const { keyring, texts, facts } = await kitOf(folder)
  const wanted = keyring.masterKey(name)
  for (const chosen of [
    [0, 1, 2],
    [4, 2, 0],
    [1, 3, 4],
    [0, 1, 2, 3, 4],
  ]) {
    using kit = await openKit(
      chosen.map((at) => texts[at]!),
      world,
      signal,
    )
    assert.deepEqual(kit.masterKey(name), wanted)
    assert.deepEqual(kit.kit, facts)
  }
  const { exported, exportUnlock, policy } = await keyringOfShares(texts.slice(2))
  assert.equal(policy, policyText)
  const material = [...texts[0]!.matchAll(/ZKK1:\w+:\d+:\d+:([^:]+):/g)].map((match) => match[1]).join('')
  const open = Buffer.from(material, 'base64').toString()
  assert.match(open, /"policy":/)
  assert.ok(!open.includes('a policy that says'), 'a single share does not tell it')
  const place = { file: folder.at('new', 'keyring.json'), unlock: { keyFile: folder.at('unlock.key') } }
  using recovered = await recoverKeyring({ ...place, exported, exportUnlock }, world, signal)
  assert.deepEqual(recovered.masterKey(name), wanted)
  assert.deepEqual(
    recovered.evidenceKeys.map(({ id }) => id),
    keyring.evidenceKeys.map(({ id }) => id),
  )
  await assertRefused(texts.slice(0, 2), 'kit_locked', /too few shares: 2 of 5 are there, expected 3/)
  await assertRefused([texts[0]!, texts[1]!, texts[1]!], 'kit_locked', /too few shares: 2 of 5/)
  await assertRefused([], 'kit_damaged', /there is no line of a recovery kit/)
})

test('shares of two kits, shares that were forged, and lines that were miscopied are refused, never garbage', async () => {
  await using folder = temporaryFolder('kit')
  await using other = temporaryFolder('kit')
  const { texts, shares } = await kitOf(folder)
  const second = await kitOf(other)
  await assertRefused(
    [texts[0]!, texts[1]!, second.texts[2]!],
    'kit_locked',
    /of 2 kits: \w{16} \(file 1, 2\), \w{16} \(file 3\)/,
  )
  const foreign = second.shares[2]!.words.join(' ')
  await assertRefused([texts[0]!, texts[1]!, foreign], 'kit_locked', /do not belong together/)
  for (const line of shares[0]!.lines) {
    const at = line.length >> 1
    const changed = line.slice(0, at) + (line[at] === 'a' ? 'b' : 'a') + line.slice(at + 1)
    await assertRefused(
      [texts[0]!.replace(line, changed), texts[1]!, texts[2]!],
      'kit_damaged',
      /is not as it was written/,
    )
  }
  const last = shares[0]!.lines.at(-1)!
  const without = texts.slice(0, 3).map((text) => text.replace(last, ''))
  await assertRefused(without, 'kit_damaged', /part \d of \d of the sealed keys is missing/)
})

test('words typed from paper open the kit with the sealed keys of one file', async () => {
  await using folder = temporaryFolder('kit')
  const { keyring, texts, shares } = await kitOf(folder)
  const typed = shares.slice(1, 3).map(
    ({ words }) =>
      `words: ${words
        .map((word) => word.slice(0, 4))
        .join('\n')
        .toUpperCase()}`,
  )
  using kit = await openKit([texts[0]!, ...typed], world, signal)
  assert.deepEqual(kit.masterKey(name), keyring.masterKey(name))
})

test('words are read back, and any wrong or swapped word is found', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: shareBytes, maxLength: shareBytes }), (share) => {
      assert.deepEqual(Buffer.from(decodeShareWords(encodeShareWords(share).join(' '))), Buffer.from(share))
    }),
  )
  const words = encodeShareWords(randomBytes(shareBytes))
  for (const at of words.keys()) {
    const wrong = words.with(at, words[at] === 'zoo' ? 'zone' : 'zoo')
    assert.throws(() => decodeShareWords(wrong.join(' ')), /its check is wrong/)
  }
  assert.throws(() => decodeShareWords(words.with(3, 'backup').join(' ')), /word 4, "backup", is not in the list/)
  assert.throws(() => decodeShareWords('zoo'), /it has 1 words, expected 27/)
})

const seal = async () => ({ exported: Buffer.alloc(0), restic: [] })

test('makeKit() refuses numbers that make no sense', async () => {
  const places = { primary: 'a', secondary: null }
  for (const [shares, threshold] of [
    [1, 1],
    [5, 1],
    [3, 4],
    [17, 3],
    [3, Number.NaN],
  ] as const) {
    const options = {
      environment: 'production',
      createdAt: new Date(0),
      shares,
      threshold,
      places,
      random: world.random,
    } as const
    await assert.rejects(makeKit(options, seal), (error) => isFailure(error, 'usage'))
  }
})
