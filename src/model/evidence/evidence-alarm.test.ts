import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import {
  acknowledgedHeads,
  type Acknowledgement,
  acknowledgementNote,
  acknowledgementText,
  alarmNote,
  readAlarms,
} from './evidence-alarm.ts'
import { type EvidenceEntry, type EvidenceNote, nextEntry } from './evidence-entry.ts'
import { keyIdOf } from './signed-head.ts'

const at = new Date('2026-03-01T00:00:00Z')
const ledger = 'a'.repeat(64)
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const key = keyIdOf(publicKey)
const context = { environment: 'production', ledger, keys: new Map([[key, publicKey]]) } as const

function ledgerOf(...notes: readonly EvidenceNote[]): EvidenceEntry[] {
  const entries: EvidenceEntry[] = []
  for (const note of notes) {
    entries.push(nextEntry({ sequence: entries.length, hash: entries.at(-1)?.hash ?? ledger }, note))
  }
  return entries
}

function unknown(digest: string): EvidenceNote {
  const heads = [{ name: `${digest}.json`, digest }]
  return alarmNote({ cause: 'heads unknown', location: 'primary', heads }, at, 'ann')
}

function acknowledge(alarms: readonly number[], heads: readonly string[], of = context.ledger): EvidenceNote {
  const said: Acknowledgement = { alarms, heads, reason: 'moved', at, actor: 'ben' }
  const text = acknowledgementText(said, { ...context, ledger: of })
  return acknowledgementNote(said, { key, signature: sign(null, Buffer.from(text), privateKey).toString('hex') })
}

function read(...notes: readonly EvidenceNote[]): (readonly [number, boolean])[] {
  return readAlarms(ledgerOf(...notes), context).map(
    ({ sequence, acknowledged }) => [sequence, acknowledged !== undefined] as const,
  )
}

test('readAlarms() tells which alarms a later entry acknowledges, and by whom', () => {
  const alarms = readAlarms(ledgerOf(unknown('a'), unknown('b'), acknowledge([1, 7], ['a']), unknown('a')), context)
  assert.deepEqual(
    alarms.map(({ sequence, acknowledged }) => [sequence, acknowledged]),
    [
      [1, { at, actor: 'ben', reason: 'moved' }],
      [2, undefined],
      [4, undefined],
    ],
  )
  assert.deepEqual([...acknowledgedHeads(alarms).keys()], ['a'])
})

test('readAlarms() takes no acknowledgement without a right signature, for other heads, of another ledger, or from before', () => {
  const good = acknowledge([1], ['a'])
  assert.deepEqual(read(unknown('a'), good), [[1, true]])
  for (const facts of [
    { ...good.facts, reason: 'another' },
    { ...good.facts, heads: ['a', 'b'] },
    { ...good.facts, signature: '0'.repeat(128) },
    { ...good.facts, key: 'f'.repeat(16) },
  ]) {
    assert.deepEqual(read(unknown('a'), { ...good, facts }), [[1, false]])
  }
  assert.deepEqual(read(unknown('a'), { ...good, actor: 'eve' }), [[1, false]])
  assert.deepEqual(read(unknown('b'), good), [[1, false]])
  assert.deepEqual(read(unknown('a'), acknowledge([1], ['a'], 'b'.repeat(64))), [[1, false]])
  assert.deepEqual(read(acknowledge([2], ['a']), unknown('a')), [[2, false]])
  const none = readAlarms(ledgerOf(unknown('a'), good), { ...context, keys: new Map() })
  assert.equal(none[0]!.acknowledged, undefined)
})

test('readAlarms() says nothing of entries of another form, and a head that was removed is never history', () => {
  const heads = [{ name: 'n', digest: 'd' }]
  const removed = alarmNote({ cause: 'heads removed', location: 'secondary', heads }, at, 'ann')
  const odd = { at, actor: 'x', facts: { cause: 'heads unknown', location: 'moon', heads: [] } } as const
  const notes: EvidenceNote[] = [
    { ...odd, kind: 'alarm' },
    { ...odd, kind: 'acknowledgement' },
    { ...unknown('c'), kind: 'refusal' },
    removed,
    acknowledge([4], ['d']),
  ]
  assert.deepEqual(read(...notes), [[4, true]])
  assert.equal(acknowledgedHeads(readAlarms(ledgerOf(...notes), context)).size, 0)
})
