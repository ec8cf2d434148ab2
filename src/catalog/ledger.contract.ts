import assert from 'node:assert/strict'
import { sampleBackup, sampleCopy, sampleId, sampleRun } from '../../testing/backup-samples.ts'
import { isFailure } from '../base/failure.ts'
import { type EvidenceNote, entryHash } from '../model/evidence/evidence-entry.ts'
import type { SignedHead } from '../model/evidence/signed-head.ts'
import type { RunEnd } from '../model/run.ts'
import type { Catalog } from './catalog.ts'

type Promises = (what: string, check: (catalog: Catalog) => Promise<void>) => void

const at = new Date('2026-03-01T03:00:00Z')

async function kindsOf(catalog: Catalog): Promise<string[]> {
  return (await catalog.evidence()).map(({ kind }) => kind)
}

/** What the Catalog seam promises of the evidence ledger. */
export function ledgerPromises(promise: Promises): void {
  promise(
    'appends an entry for each change of what is on record, and none for a call that changes nothing',
    async (catalog) => {
      const done: RunEnd = { state: 'done', endedAt: at, summary: 'x' }
      const proof = {
        run: 'r',
        at,
        backup: sampleId(1),
        source: 'a',
        location: 'primary',
        outcome: 'equal',
        durationMs: 1,
      } as const
      const verification = {
        run: 'r',
        at,
        location: 'primary',
        generation: 1,
        scope: { kind: 'structure' },
        objects: 1,
        bytes: 1,
        faults: 0,
      } as const
      const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
        ['run ended', () => catalog.endRun(sampleRun().id, done)],
        ['backup stored', () => catalog.addBackup(sampleBackup())],
        ['copy stored', () => catalog.addCopy(sampleCopy())],
        ['copy removed', () => catalog.removeCopy(sampleId(1), 'primary', at)],
        ['backup removed', () => catalog.removeBackup(sampleId(1), at)],
        ['verification', () => catalog.addVerification(verification)],
        ['proof', () => catalog.addProof(proof)],
        ['key event', () => catalog.addKeyEvent({ at, kind: 'opened', generation: undefined, actor: 'a' })],
        [
          'policy version',
          () =>
            catalog.addPolicyVersion({
              digest: 'd',
              since: at,
              text: 't',
              weakened: [],
              reason: undefined,
              actor: 'a',
            }),
        ],
        [
          'refusal',
          () => catalog.addEvidence({ at, kind: 'refusal', actor: 'a', facts: { message: 'no', n: undefined } }),
        ],
      ]
      await catalog.beginRun(sampleRun())
      const wanted = ['run begun']
      for (const [kind, call] of calls) {
        await call()
        await call()
        wanted.push(kind)
        assert.deepEqual(await kindsOf(catalog), wanted)
      }
      await catalog.removeBackup(sampleId(99), at)
      await assert.rejects(catalog.beginRun(sampleRun()))
      await assert.rejects(catalog.endRun('unknown', done))
      assert.deepEqual(await kindsOf(catalog), wanted)
      await catalog.addBackup(sampleBackup())
      await catalog.addBackup(sampleBackup({ gaps: 7 }))
      await catalog.addCopy(sampleCopy({ storedAt: at }))
      await catalog.beginRun(sampleRun({ id: 'dead' }))
      await catalog.loseDeadRuns(() => false, at)
      await catalog.replaceBackups('production', [], [], at)
      assert.deepEqual((await kindsOf(catalog)).slice(wanted.length), [
        'backup stored',
        'backup stored',
        'copy stored',
        'run begun',
        'run ended',
        'catalog rebuilt',
      ])
    },
  )

  promise('evidence() is a chain from the ledger’s id to its end, with all facts', async (catalog) => {
    const begin = await catalog.ledgerEnd()
    assert.match(begin.ledger, /^[0-9a-f]{64}$/)
    assert.deepEqual(begin, { ledger: begin.ledger, sequence: 0, hash: begin.ledger })
    const note: EvidenceNote = {
      at,
      kind: 'step',
      actor: 'ünï "\n',
      facts: { list: [1, null, { b: 1, a: at }], gone: undefined, surrogate: '\ud800' },
    }
    await catalog.addEvidence(note)
    await catalog.beginRun(sampleRun())
    const entries = await catalog.evidence()
    let previousHash = begin.ledger
    for (const [index, entry] of entries.entries()) {
      assert.equal(entry.sequence, index + 1)
      assert.equal(entry.previousHash, previousHash)
      assert.equal(entry.hash, entryHash(entry))
      previousHash = entry.hash
    }
    assert.deepEqual(await catalog.ledgerEnd(), { ledger: begin.ledger, sequence: 2, hash: previousHash })
    const { actor, facts, at: when } = entries[0]!
    assert.deepEqual([actor, when], [note.actor, at])
    assert.deepEqual(facts, { list: [1, null, { b: 1, a: at.toISOString() }], surrogate: '\ud800' })
    assert.deepEqual(await catalog.evidence({ after: 1 }), entries.slice(1))
    assert.deepEqual(await catalog.evidence({ first: 1 }), entries.slice(0, 1))
    assert.deepEqual(await catalog.evidence({ after: 2, first: 5 }), [])
    const [one] = entries
    const ofKind = entries.filter(({ kind }) => kind === one!.kind)
    assert.deepEqual(await catalog.evidence({ kinds: [one!.kind as 'step'] }), ofKind)
    assert.deepEqual(await catalog.evidence({ kinds: [] }), [])
    assert.deepEqual(await catalog.evidence({ kinds: [one!.kind as 'step', 'drill'], first: 1 }), ofKind.slice(0, 1))
  })

  promise('addHead() keeps each number once and refuses another of it', async (catalog) => {
    const head: SignedHead = {
      environment: 'production',
      ledger: sampleId(1),
      number: 1,
      previousHead: sampleId(1),
      sequence: 3,
      hash: sampleId(2),
      signedAt: at,
      key: '0123456789abcdef',
      signature: '0'.repeat(128),
    }
    const second = { ...head, number: 2 }
    for (const one of [second, head, head]) await catalog.addHead(one)
    await assert.rejects(catalog.addHead({ ...head, sequence: 4 }), (error) => isFailure(error, 'refused'))
    assert.deepEqual(await catalog.heads(), [head, second])
  })

  promise(
    'headsAt() answers what was noted of each location, once, and the ledger says nothing of it',
    async (catalog) => {
      for (const digests of [['b', 'a'], ['a', 'c'], []]) await catalog.noteHeadsAt('primary', digests)
      await catalog.noteHeadsAt('secondary', ['d'])
      assert.deepEqual(await catalog.headsAt('primary'), new Set(['a', 'b', 'c']))
      assert.deepEqual(await catalog.headsAt('secondary'), new Set(['d']))
      assert.deepEqual(await catalog.evidence(), [])
    },
  )
}
