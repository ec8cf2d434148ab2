import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import decodeQr from 'qr/decode.js'
import { PolicyDesk } from '../../../../testing/policy-desk.ts'
import { keyringOfShares } from '../../../keys/recovery-kit.ts'
import { guideSteps } from './kit-page.ts'

const shareWords = (...numbers: readonly number[]): string[] =>
  numbers.flatMap((number) => ['--share', `kit/share-${number}.txt`])

async function keyEvents(desk: PolicyDesk): Promise<string[]> {
  const text = await desk.export('ledger.jsonl')
  return [...text.matchAll(/"event":"(kit [^"]*)"/g)].map((match) => match[1]!)
}

test('keys kit create writes pages and files for the holders, and keys kit test proves with three of them that a real backup opens', async () => {
  await using desk = await PolicyDesk.open()
  await desk.type(['backup'])
  await desk.type(['keys', 'kit', 'create', '--to', 'off-site/kit'], 4)
  await desk.type(['keys', 'kit', 'create', '--shares', '2', '--threshold', '3', '--to', 'kit'], 2)
  await desk.type(['keys', 'kit', 'create', '--to', 'kit'])
  await desk.type(['keys', 'kit', 'create', '--to', 'kit'], 4)
  const page = readFileSync(desk.folder.at('kit', 'share-2.html'), 'utf8')
  assert.match(page, /Share 2 <small>of 5/)
  assert.doesNotMatch(page, /<script|https?:\/\/(?!www\.w3\.org)/)
  const proven = await desk.type(['keys', 'kit', 'test', ...shareWords(5, 1, 3)])
  assert.match(proven.stdout, /generation 1: backup [0-9a-f]{8} opened at the secondary location\nproven: kit/)
  assert.match((await desk.type(['keys', 'kit', 'test', ...shareWords(5, 1)], 1)).stderr, /too few shares: 2 of 5/)
  // Of a keyring that is lost with its key file, the kit brings back what it knew.
  rmSync(desk.folder.at('keys'), { recursive: true })
  await desk.type(['keys', 'import', ...shareWords(1, 2)], 1)
  await desk.type(['keys', 'import', 'an-export', ...shareWords(1, 2, 4)], 2)
  await desk.type(['keys', 'import'], 2)
  await desk.type(['keys', 'import', ...shareWords(1, 2, 4)])
  assert.match((await desk.type(['keys', 'list'])).stdout, /production +1 /)
  // What the kit opens is proven with the kit, whatever the keyring has.
  await desk.type(['keys', 'rotate'])
  await desk.type(['backup'])
  assert.match(
    (await desk.type(['keys', 'kit', 'test', ...shareWords(1, 2, 4)], 5)).stderr,
    /the kit was made before this generation/,
  )
  assert.deepEqual(await keyEvents(desk), ['kit created', 'kit tested', 'kit opened'])
})

/** What a QR code drawn as unit squares says, as a camera sees it: four pixels for each square. */
function readQrCode(svg: string): string {
  const size = Number(/viewBox="0 0 (\d+) /.exec(svg)![1])
  const scale = 4
  const width = size * scale
  const data = new Uint8Array(width * width * 4).fill(255)
  let [x, y] = [0, 0]
  for (const [, way, right, down] of svg.matchAll(/([Mm])(-?\d+) ?(-?\d+)h1v1[hH]-?\d+Z/g)) {
    const from = way === 'M' ? [0, 0] : [x, y]
    ;[x, y] = [from[0]! + Number(right), from[1]! + Number(down)]
    for (let row = y * scale; row < (y + 1) * scale; row++) {
      for (let column = x * scale; column < (x + 1) * scale; column++) {
        data.fill(0, 4 * (row * width + column), 4 * (row * width + column) + 3)
      }
    }
  }
  return decodeQr({ width, height: width, data })
}

test('the QR codes of a page say the lines of its share', async () => {
  await using desk = await PolicyDesk.open()
  await desk.type(['backup'])
  await desk.type(['keys', 'kit', 'create', '--to', 'kit'])
  const page = readFileSync(desk.folder.at('kit', 'share-2.html'), 'utf8')
  const lines = readFileSync(desk.folder.at('kit', 'share-2.txt'), 'utf8').split('\n')
  const codes = [...page.matchAll(/<svg.*?<\/svg>/gs)].map(([svg]) => readQrCode(svg))
  assert.ok(codes.length >= 2)
  assert.deepEqual(
    codes,
    lines.filter((line) => /^ZK[SK]1/.test(line)),
  )
})

test('after the loss of everything but a copy and shares, keys kit open gives stock restic a key, and the pages say how without this program', async () => {
  await using desk = await PolicyDesk.open()
  await desk.type(['backup'])
  await desk.type(['keys', 'kit', 'create', '--to', 'kit'])
  assert.deepEqual(await keyEvents(desk), ['kit created'])
  const policyText = readFileSync(desk.folder.at('zakops-backup.yaml'), 'utf8')
  const repository = desk.folder.at('off-site', 'production', '1', 'repository')
  for (const name of ['copy', 'by-hand']) cpSync(repository, desk.folder.at(name), { recursive: true })
  writeFileSync(desk.folder.at('pw'), 'for restic')
  const open = (into: string) => [
    'keys',
    'kit',
    'open',
    ...shareWords(1, 2, 3),
    '--into',
    into,
    '--password-file',
    desk.folder.at('pw'),
  ]
  assert.match((await desk.type(open(repository), 4)).stderr, /it is no copy, but belongs to location secondary/)
  for (const name of ['keys', 'state', 'primary', 'off-site', 'documents', 'zakops-backup.yaml']) {
    rmSync(desk.folder.at(name), { recursive: true })
  }
  await desk.type(open('copy'))
  const listed = await desk.type(['-r', desk.folder.at('copy'), 'snapshots', '--json'], 0, {
    environment: { RESTIC_PASSWORD: 'for restic' },
  })
  assert.match(listed.stdout, /source=documents/)
  // By hand, as the pages say: the password is the kit's key, the key object stands in the sealed part.
  const texts = [1, 4, 5].map((number) => readFileSync(desk.folder.at('kit', `share-${number}.txt`), 'utf8'))
  const { restic, exportUnlock, kit } = await keyringOfShares(texts)
  mkdirSync(desk.folder.at('by-hand', 'keys'), { recursive: true })
  writeFileSync(desk.folder.at('by-hand', 'keys', restic[0]!.id), restic[0]!.text)
  assert.equal(combinedByHand(texts), exportUnlock.passphrase)
  const environment = { RESTIC_PASSWORD: combinedByHand(texts) }
  assert.match(
    (await desk.type(['-r', desk.folder.at('by-hand'), 'check', '--read-data'], 0, { environment })).stdout,
    /no/i,
  )
  assert.ok(guideSteps({ facts: kit, restic, version: '1' }).some(([, text]) => text.includes('generation 1')))
  assert.equal(existsSync(desk.folder.at('keys')), false)

  // On a new machine the policy comes out of the kit as well, and never over another one.
  const policy = ['keys', 'kit', 'open', ...shareWords(1, 2, 3), '--policy-to', 'zakops-backup.yaml']
  await desk.type(policy)
  assert.equal(readFileSync(desk.folder.at('zakops-backup.yaml'), 'utf8'), policyText)
  await desk.type(policy, 4)
  await desk.type([...policy, '--into', 'copy'], 2)
  await desk.type(policy.slice(0, -2), 2)
})

/** Another program than the library, written after the page alone: Lagrange at x = 0 in GF(2^8) with the polynomial 0x11b. */
function combinedByHand(texts: readonly string[]): string {
  const shares = texts.map((text) => Buffer.from(/ZKS1:[^\s]*/.exec(text)![0].split(':')[3]!, 'hex'))
  const key = Array.from({ length: 32 }, (_, at) =>
    shares.reduce((sum, share) => {
      const others = shares.filter((other) => other !== share)
      const weight = others.reduce((product, other) => {
        return multiply(product, multiply(other[32]!, inverse(other[32]! ^ share[32]!)))
      }, 1)
      return sum ^ multiply(share[at]!, weight)
    }, 0),
  )
  return Buffer.from(key).toString('hex')
}

function multiply(a: number, b: number): number {
  let product = 0
  for (let bit = 7; bit >= 0; bit--) {
    product = (product << 1) ^ (product & 0x80 ? 0x11b : 0)
    if ((b >> bit) & 1) product ^= a
  }
  return product
}

const inverse = (a: number): number => Array.from({ length: 253 }).reduce<number>((power) => multiply(power, a), a)
