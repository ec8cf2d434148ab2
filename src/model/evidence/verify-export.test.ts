import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { sampleEvidenceKey, sampleLedger, signedLedger } from '../../../testing/evidence-samples.ts'
import { type SeededRandom, seededRandom } from '../../../testing/seeded-random.ts'
import { canonicalJson } from '../../base/canonical-json.ts'
import { type EvidenceEntry, entryHash } from './evidence-entry.ts'
import { headsAgainst } from './head-chain.ts'
import { keyIdOf } from './signed-head.ts'
import { type ExportFault, verifyExport } from './verify-export.ts'

const { entries, heads, text, publicKey } = sampleLedger(60, 12)
const lines = text.split('\n').slice(0, -1)

function faultOf(changed: string, key = publicKey): ExportFault {
  const verified = verifyExport(Buffer.from(changed), [key])
  assert.ok(verified.state === 'broken', 'it was taken for intact')
  return verified.fault
}

function joined(changed: readonly string[]): string {
  return `${changed.join('\n')}\n`
}

/** A line of the export with other members; an entry gets the hash that it must have then. */
function withFields(line: string, change: Record<string, unknown>): string {
  const json = { ...(JSON.parse(line) as Record<string, unknown>), ...change }
  if (json['type'] !== 'entry') return canonicalJson(json)
  const { type: _, hash: __, ...entry } = json as unknown as EvidenceEntry & { type: string }
  return canonicalJson({ ...json, hash: entryHash({ ...entry, at: new Date(entry.at) }) })
}

test('verifyExport() takes an export as it was written, an empty one too, and several keys', () => {
  const verified = verifyExport(Buffer.from(text), [publicKey])
  assert.ok(verified.state === 'intact')
  assert.deepEqual([verified.entries, verified.heads], [entries, heads])
  assert.equal(verifyExport(Buffer.from(sampleLedger(0, 12).text), [publicKey]).state, 'intact')
  const other = sampleEvidenceKey(Buffer.alloc(32, 8)).publicKey
  assert.equal(verifyExport(Buffer.from(text), [other, publicKey]).state, 'intact')
})

test('verifyExport() names the first broken entry and says what was done', () => {
  const entry = (number: number): string => lines[number]!
  const cases: readonly (readonly [string, readonly string[], ExportFault['kind'], number | undefined])[] = [
    ['edited', lines.with(5, entry(5).replace('documents', 'dokuments')), 'edited', 5],
    ['edited and rehashed', lines.with(5, withFields(entry(5), { actor: 'eve' })), 'edited', 6],
    ['the last one of a head, rehashed', lines.with(60, withFields(entry(60), { actor: 'eve' })), 'edited', 49],
    ['removed', lines.toSpliced(7, 1), 'removed', 7],
    ['swapped', lines.with(7, entry(8)).with(8, entry(7)), 'reordered', 7],
    ['said twice', lines.toSpliced(7, 0, entry(6)), 'inserted', 6],
    ['the last removed', lines.toSpliced(60, 1), 'removed', 60],
    ['behind the last', lines.toSpliced(61, 0, withFields(entry(60), { sequence: 61 })), 'inserted', 61],
    ['cut', lines.slice(0, 30), 'tail cut', 30],
    ['cut at the last head', lines.slice(0, -1), 'tail cut', undefined],
    ['a head removed', lines.toSpliced(62, 1), 'head missing', undefined],
    ['heads swapped', lines.with(61, entry(62)).with(62, entry(61)), 'head missing', undefined],
    [
      'a signature swapped',
      lines.with(61, withFields(entry(61), { signature: heads[1]!.signature })),
      'wrong signature',
      undefined,
    ],
    ['the header says less', lines.with(0, withFields(entry(0), { sequence: 50 })), 'header changed', undefined],
    ['no header', lines.slice(1), 'header changed', undefined],
    ['a line more', [...lines, entry(65)], 'inserted', undefined],
    ['a blank', lines.with(3, `${entry(3)} `), 'edited', 3],
  ]
  for (const [what, changed, kind, sequence] of cases) {
    const fault = faultOf(joined(changed))
    assert.deepEqual([fault.kind, fault.sequence], [kind, sequence], `${what}: ${fault.message}`)
  }
  assert.equal(faultOf(text.slice(0, -1)).kind, 'tail cut')
  assert.equal(faultOf('').kind, 'header changed')
})

test('verifyExport() refuses what another key signed, and names both keys', () => {
  const other = sampleEvidenceKey(Buffer.alloc(32, 8))
  const fault = faultOf(text, other.publicKey)
  assert.equal(fault.kind, 'wrong signature')
  assert.match(fault.message, new RegExp(`${keyIdOf(publicKey)}.*${keyIdOf(other.publicKey)}`))
  // Somebody without the key hashes and signs everything anew.
  const forged = signedLedger(
    sampleLedger(60, 60).entries.map((one) => ({ ...one, actor: 'eve' })),
    12,
    other,
  )
  assert.equal(faultOf(forged.text).kind, 'wrong signature')
})

test('verifyExport() tells entries behind the last head as unsigned, also where the header agrees', () => {
  const keys = sampleEvidenceKey(Buffer.alloc(32, 7))
  const shorter = signedLedger(entries.slice(0, 48), 12, keys)
  // The header and entries of a full export whose last head was never signed.
  const cut = signedLedger(entries, 1_000_000, keys)
  assert.equal(verifyExport(Buffer.from(shorter.text), [publicKey]).state, 'intact')
  assert.equal(verifyExport(Buffer.from(cut.text), [publicKey]).state, 'intact')
  const unsigned = signedLedger(entries, 12, keys, 'without the last head')
  const fault = faultOf(unsigned.text)
  assert.deepEqual([fault.kind, fault.sequence], ['unsigned', 49])
})

test('headsAgainst() finds by the heads of a location that a genuine older export lacks its tail', () => {
  const shorter = sampleLedger(48, 12)
  const context = {
    header: { environment: 'production', ledger: heads[0]!.ledger },
    entries: shorter.entries,
    keys: new Map([[keyIdOf(publicKey), publicKey]]),
  } as const
  const found = heads.map((head) => ({ place: 'secondary', head }))
  assert.deepEqual(headsAgainst(found.slice(0, 4), context), { faults: [], otherLedgers: [], acknowledged: [] })
  const { faults } = headsAgainst(found, context)
  assert.deepEqual(
    faults.map(({ kind, sequence }) => [kind, sequence]),
    [['tail cut', 49]],
  )
  const forged = [{ place: 'secondary', head: { ...heads[0]!, sequence: 59 } }]
  assert.equal(headsAgainst(forged, context).faults[0]!.kind, 'wrong signature')
})

type Mutation = (random: SeededRandom) => string | Buffer

const mutations: Readonly<Record<string, Mutation>> = {
  'a byte changed': (random) => {
    const bytes = Buffer.from(text)
    const at = random.below(bytes.length)
    bytes[at]! ^= 1 + random.below(255)
    return bytes
  },
  'a byte removed': (random) => {
    const at = random.below(text.length)
    return text.slice(0, at) + text.slice(at + 1)
  },
  'a byte added': (random) => {
    const at = random.below(text.length + 1)
    return text.slice(0, at) + random.pick([' ', '0', 'x', '\n', '"', '\r', '\ufeff']) + text.slice(at)
  },
  'cut anywhere': (random) => text.slice(0, random.below(text.length)),
  'lines swapped': (random) => {
    const [a, b] = [random.below(lines.length), random.below(lines.length)]
    return a === b ? '' : joined(lines.with(a, lines[b]!).with(b, lines[a]!))
  },
  'a line removed': (random) => joined(lines.toSpliced(random.below(lines.length), 1)),
  'lines removed': (random) => {
    const at = random.below(lines.length)
    return joined(lines.toSpliced(at, 1 + random.below(10)))
  },
  'a line said twice': (random) => joined(lines.toSpliced(random.below(lines.length + 1), 0, random.pick(lines))),
  'a field edited': (random) => {
    const at = random.below(lines.length)
    const json = JSON.parse(lines[at]!) as Record<string, unknown>
    const name = random.pick(Object.keys(json))
    const value = json[name]
    const changed =
      typeof value === 'number' ? value + 1 : typeof value === 'string' ? otherText(value, random) : { x: 1 }
    return joined(lines.with(at, canonicalJson({ ...json, [name]: changed })))
  },
  'an entry edited and hashed anew': (random) => {
    const at = 1 + random.below(60)
    return joined(
      lines.with(at, withFields(lines[at]!, random.pick([{ actor: 'eve' }, { facts: {} }, { kind: 'proof' }]))),
    )
  },
  'an entry edited and the whole chain hashed anew': (random) => {
    const changed = [...lines]
    let previousHash = entries[0]!.previousHash
    const at = 1 + random.below(60)
    for (let number = 1; number <= 60; number++) {
      const line = withFields(changed[number]!, number === at ? { actor: 'eve', previousHash } : { previousHash })
      changed[number] = line
      previousHash = (JSON.parse(line) as EvidenceEntry).hash
    }
    return joined(changed)
  },
  'signatures swapped': (random) => {
    const [a, b] = [61 + random.below(5), 61 + random.below(5)]
    if (a === b) return ''
    return joined(lines.with(a, withFields(lines[a]!, { signature: heads[b - 61]!.signature })))
  },
  'a tail cut with its heads, and the header told so': (random) => {
    const left = 12 * (1 + random.below(4))
    const kept = heads.filter(({ sequence }) => sequence <= left)
    const header = { sequence: left, heads: kept.length, hash: entries[left - 1]!.hash }
    return joined([withFields(lines[0]!, header), ...lines.slice(1, left + 1), ...lines.slice(61, 61 + kept.length)])
  },
}

function otherText(value: string, random: SeededRandom): string {
  const at = random.below(value.length)
  const digit = value[at] === '0' ? '1' : '0'
  return value.slice(0, at) + digit + value.slice(at + 1)
}

test('verifyExport() finds each of a thousand random mutations of an export', () => {
  const seed = process.env.SEED ?? randomBytes(8).toString('hex')
  const random = seededRandom(seed)
  const kinds = Object.keys(mutations)
  for (let number = 0; number < 1000; ) {
    const kind = kinds[number % kinds.length]!
    const changed = mutations[kind]!(random)
    if (changed === '' || changed === text) continue
    number += 1
    const { state } = verifyExport(Buffer.from(changed as string), [publicKey])
    assert.equal(state, 'broken', `${kind} was not found; mutation ${number}, SEED=${seed}`)
  }
})
