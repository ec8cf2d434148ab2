import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { sampleBackup, sampleCopy, sampleId, sampleRun } from '../../testing/backup-samples.ts'
import { isFailure } from '../base/failure.ts'
import type { KeyEvent, PolicyVersion, Proof, RunEnd, RunProcess, Verification } from '../model/run.ts'
import { extendWalStand, type WalStand } from '../model/wal-stand.ts'
import type { Catalog } from './catalog.ts'
import { ledgerPromises } from './ledger.contract.ts'

/** Makes an empty catalog for one test; what must be cleaned up is given to `context.after()`. */
export type MakeCatalog = (context: TestContext) => Promise<Catalog>

type Promises = (what: string, check: (catalog: Catalog) => Promise<void>) => void

/** The promises of the Catalog seam as tests, which every implementation runs. */
export function catalogContract(name: string, make: MakeCatalog): void {
  const promise: Promises = (what, check) => {
    test(`${name} ${what}`, async (context) => {
      const catalog = await make(context)
      try {
        await check(catalog)
      } finally {
        await catalog.close()
      }
    })
  }
  runPromises(promise)
  runListPromises(promise)
  backupPromises(promise)
  evidencePromises(promise)
  ledgerPromises(promise)
}

const at = (text: string): Date => new Date(`2026-03-${text}Z`)

const ends: readonly RunEnd[] = [
  { state: 'done', endedAt: at('01T03:00:00'), summary: '10 files' },
  { state: 'gaps', endedAt: at('01T03:00:00'), summary: '9 files', gaps: ['/a, b', '/ünlesbar\n"'] },
  { state: 'failed', endedAt: at('01T03:00:00'), failure: 'storage_full', message: 'Cannot write "x": no room' },
  { state: 'lost', endedAt: at('01T03:00:00') },
]

async function assertRefused(promise: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => isFailure(error, 'refused') && message.test(error.message))
}

function runPromises(promise: Promises): void {
  promise('beginRun() and endRun() keep every field of a run in each state', async (catalog) => {
    const bare = { source: undefined, dueAt: undefined, process: { host: 'h', processId: 1, birth: undefined } }
    for (const [number, end] of ends.entries()) {
      for (const run of [sampleRun({ id: `a${number}` }), sampleRun({ id: `b${number}`, ...bare })]) {
        await catalog.beginRun(run)
        assert.deepEqual((await catalog.runs({ newest: 1 }))[0], { ...run, state: 'running' })
        await catalog.endRun(run.id, end)
        assert.deepEqual((await catalog.runs({ newest: 1 }))[0], { ...run, ...end })
      }
    }
  })

  promise('beginRun() refuses an id that began before, and leaves that run as it is', async (catalog) => {
    await catalog.beginRun(sampleRun())
    await catalog.endRun(sampleRun().id, ends[0]!)
    await assertRefused(catalog.beginRun(sampleRun({ source: 'other' })), /"run-0000000000000001"/)
    assert.deepEqual(await catalog.runs(), [{ ...sampleRun(), ...ends[0] }])
  })

  promise(
    'endRun() takes the same end twice, refuses another, and one of a run that it does not know',
    async (catalog) => {
      await catalog.beginRun(sampleRun())
      await catalog.endRun(sampleRun().id, ends[1]!)
      await catalog.endRun(sampleRun().id, ends[1]!)
      await assertRefused(catalog.endRun(sampleRun().id, ends[0]!), /it ended as gaps at 2026-03-01T03:00:00/)
      await assertRefused(catalog.endRun(sampleRun().id, ends[3]!), /it ended as gaps/)
      await assertRefused(catalog.endRun('run-2', ends[0]!), /knows no run/)
      assert.deepEqual(await catalog.runs(), [{ ...sampleRun(), ...ends[1] }])
    },
  )

  promise('endRun() ends a run that was given up as lost by mistake', async (catalog) => {
    await catalog.beginRun(sampleRun())
    await catalog.loseDeadRuns(() => false, at('01T04:00:00'))
    await catalog.endRun(sampleRun().id, ends[0]!)
    assert.deepEqual(await catalog.runs(), [{ ...sampleRun(), ...ends[0] }])
  })

  promise('loseDeadRuns() ends the running runs of dead processes and no others', async (catalog) => {
    await catalog.beginRun(sampleRun({ id: 'dead', ...ofProcess(1) }))
    await catalog.beginRun(sampleRun({ id: 'alive', ...ofProcess(2) }))
    await catalog.beginRun(sampleRun({ id: 'ended', ...ofProcess(1) }))
    await catalog.endRun('ended', ends[0]!)
    const lost = { ...sampleRun({ id: 'dead', ...ofProcess(1) }), state: 'lost', endedAt: at('02T00:00:00') }
    assert.deepEqual(await catalog.loseDeadRuns(isAlive, at('02T00:00:00')), [lost])
    assert.deepEqual(await catalog.loseDeadRuns(isAlive, at('03T00:00:00')), [])
    assert.deepEqual(await catalog.runs({ state: 'lost' }), [lost])
    assert.deepEqual(
      (await catalog.runs({ state: 'running' })).map(({ id }) => id),
      ['alive'],
    )
  })
}

function ofProcess(processId: number): { readonly process: RunProcess } {
  return { process: { host: 'h', processId, birth: 'x/1' } }
}

function isAlive({ host, processId, birth }: RunProcess): boolean {
  return host === 'h' && birth === 'x/1' && processId === 2
}

function runListPromises(promise: Promises): void {
  promise('runs() answers the oldest first and by each filter', async (catalog) => {
    const runs = [
      sampleRun({ id: 'c', startedAt: at('03T00:00:00') }),
      sampleRun({ id: 'a', startedAt: at('01T00:00:00'), source: undefined, procedure: 'verify' }),
      sampleRun({ id: 'd', startedAt: at('03T00:00:00'), source: 'shop' }),
      sampleRun({ id: 'b', startedAt: at('02T00:00:00') }),
    ]
    for (const run of runs) await catalog.beginRun(run)
    await catalog.endRun('b', ends[0]!)
    const ids = async (filter?: Parameters<Catalog['runs']>[0]): Promise<string> =>
      (await catalog.runs(filter)).map(({ id }) => id).join('')
    assert.equal(await ids(), 'abcd')
    assert.equal(await ids({ newest: 2 }), 'cd')
    assert.equal(await ids({ newest: 0 }), '')
    assert.equal(await ids({ newest: 9 }), 'abcd')
    assert.equal(await ids({ source: 'documents' }), 'bc')
    assert.equal(await ids({ procedure: 'verify' }), 'a')
    assert.equal(await ids({ state: 'running' }), 'acd')
    assert.equal(await ids({ since: at('02T00:00:00') }), 'bcd')
    assert.equal(await ids({ since: at('02T00:00:00'), state: 'running', source: 'documents', newest: 5 }), 'c')
  })
}

function backupPromises(promise: Promises): void {
  promise('addBackup() keeps every field, and twice is once', async (catalog) => {
    const backup = sampleBackup({
      bytes: Number.MAX_SAFE_INTEGER,
      gaps: 3,
      kind: 'pre-operation',
      sourceKind: 'sqlite',
    })
    await catalog.addBackup(backup)
    await catalog.addBackup(backup)
    assert.deepEqual(await catalog.backups(), [backup])
  })

  promise('backups() answers the oldest first, by source, with and without removed ones', async (catalog) => {
    for (const [number, day] of [3, 1, 2].entries()) {
      await catalog.addBackup(sampleBackup({ id: sampleId(number + 1), takenAt: at(`0${day}T02:00:00`) }))
    }
    await catalog.addBackup(sampleBackup({ id: sampleId(9), source: 'shop' }))
    await catalog.removeBackup(sampleId(3), at('09T00:00:00'))
    await catalog.removeBackup(sampleId(3), at('10T00:00:00'))
    await catalog.removeBackup(sampleId(77), at('09T00:00:00'))
    const ids = async (filter?: Parameters<Catalog['backups']>[0]): Promise<number[]> =>
      (await catalog.backups(filter)).map(({ id }) => Number.parseInt(id, 16))
    assert.deepEqual(await ids({ source: 'documents' }), [2, 1])
    assert.deepEqual(await ids({ source: 'documents', includeRemoved: true }), [2, 3, 1])
    assert.deepEqual(await ids({ source: 'documents', includeRemoved: false }), [2, 1])
    assert.deepEqual(await ids(), [2, 9, 1])
    assert.deepEqual(await ids({ source: 'none' }), [])
  })

  promise('removeBackup() drops the copies, and addBackup() brings a removed backup back', async (catalog) => {
    await catalog.addBackup(sampleBackup())
    await catalog.addCopy(sampleCopy())
    await catalog.addCopy(sampleCopy({ backup: sampleId(2) }))
    await catalog.removeBackup(sampleId(1), at('09T00:00:00'))
    assert.deepEqual(await catalog.copies(), [sampleCopy({ backup: sampleId(2) })])
    assert.deepEqual(await catalog.backups(), [])
    await catalog.addBackup(sampleBackup())
    assert.deepEqual(await catalog.backups(), [sampleBackup()])
  })

  promise('addCopy() and removeCopy() keep one copy a location', async (catalog) => {
    const secondary = sampleCopy({ location: 'secondary', storedAt: at('02T00:00:00') })
    for (const copy of [secondary, sampleCopy(), sampleCopy()]) await catalog.addCopy(copy)
    assert.deepEqual(await catalog.copies(), [sampleCopy(), secondary])
    assert.deepEqual(await catalog.copies(sampleId(1)), [sampleCopy(), secondary])
    assert.deepEqual(await catalog.copies(sampleId(2)), [])
    await catalog.removeCopy(sampleId(1), 'primary', at('09T00:00:00'))
    await catalog.removeCopy(sampleId(1), 'primary', at('09T00:00:00'))
    assert.deepEqual(await catalog.copies(), [secondary])
  })

  promise(
    'replaceBackups() takes the place of one environment and keeps what was removed on record',
    async (catalog) => {
      const other = sampleBackup({ id: sampleId(50), environment: 'staging' })
      for (const backup of [1, 2, 3].map((number) => sampleBackup({ id: sampleId(number) }))) {
        await catalog.addBackup(backup)
        await catalog.addCopy(sampleCopy({ backup: backup.id }))
      }
      await catalog.addBackup(other)
      await catalog.addCopy(sampleCopy({ backup: other.id }))
      await catalog.removeBackup(sampleId(2), at('09T00:00:00'))
      await catalog.removeBackup(sampleId(3), at('09T00:00:00'))
      const fresh = [3, 4].map((number) => sampleBackup({ id: sampleId(number), run: 'run-rebuilt' }))
      await catalog.replaceBackups('production', fresh, [sampleCopy({ backup: sampleId(4) })], at('10T00:00:00'))
      assert.deepEqual(await catalog.backups(), [...fresh, other])
      assert.deepEqual(
        (await catalog.backups({ includeRemoved: true })).map(({ id }) => id),
        [2, 3, 4, 50].map(sampleId),
      )
      assert.deepEqual(await catalog.copies(), [sampleCopy({ backup: sampleId(4) }), sampleCopy({ backup: other.id })])
    },
  )
}

const verification: Verification = {
  run: 'run-1',
  at: at('02T00:00:00'),
  location: 'primary',
  generation: 1,
  scope: { kind: 'data', part: 2, of: 5 },
  objects: 10,
  bytes: 1000,
  faults: 0,
}

const proof: Proof = {
  run: 'run-1',
  at: at('02T00:00:00'),
  backup: sampleId(1),
  source: 'documents',
  location: 'primary',
  outcome: 'equal',
  durationMs: 1234,
}

function evidencePromises(promise: Promises): void {
  promise('verifications() answers the oldest first and by each filter, twice added is once', async (catalog) => {
    const structure: Verification = {
      ...verification,
      at: at('01T00:00:00'),
      location: 'secondary',
      scope: { kind: 'structure' },
      faults: 4,
    }
    for (const one of [verification, structure, verification, structure]) await catalog.addVerification(one)
    assert.deepEqual(await catalog.verifications(), [structure, verification])
    assert.deepEqual(await catalog.verifications({ location: 'primary' }), [verification])
    assert.deepEqual(await catalog.verifications({ since: at('01T00:00:01') }), [verification])
    assert.deepEqual(await catalog.verifications({ location: 'secondary', since: at('01T00:00:01') }), [])
  })

  promise('proofs() answers the oldest first and by each filter, twice added is once', async (catalog) => {
    const phases = { openMs: 1, transferMs: 20, verifyMs: 300 }
    const found = { source: 'shop', outcome: 'different', phases } as const
    const other: Proof = { ...proof, ...found, at: at('01T00:00:00'), backup: sampleId(2) }
    for (const one of [proof, other, proof]) await catalog.addProof(one)
    assert.deepEqual(await catalog.proofs(), [other, proof])
    assert.deepEqual(await catalog.proofs({ source: 'shop' }), [other])
    assert.deepEqual(await catalog.proofs({ backup: sampleId(1) }), [proof])
    assert.deepEqual(await catalog.proofs({ backup: sampleId(1), source: 'shop' }), [])
  })

  promise(
    'walStands() answers the last one of each source and location, and the ledger says nothing of them',
    async (catalog) => {
      const stand: WalStand = {
        source: 'main',
        location: 'primary',
        systemIdentifier: '7300000000000000001',
        timeline: 1,
        end: 2n ** 63n + 5n,
        since: at('01T00:00:00'),
        until: at('01T00:00:30'),
      }
      const later = { ...stand, timeline: 2, end: 2n ** 64n - 1n, until: at('02T00:00:00') }
      const marks = [{ at: at('01T00:00:00'), end: 2n ** 63n }]
      const other = { ...stand, location: 'secondary', gapFrom: at('01T00:00:00'), marks } as const
      for (const one of [other, stand, later, later]) await catalog.setWalStand(one)
      assert.deepEqual(await catalog.walStands(), [later, other])
      const { systemIdentifier, end } = later
      const piece = { systemIdentifier, timeline: 2, begin: end - 1n, end: end + 9n, until: at('03T00:00:00') }
      await catalog.addWalPiece({ source: 'main', location: 'primary' }, piece)
      await catalog.addWalPiece({ source: 'shop', location: 'primary' }, piece)
      assert.deepEqual(await catalog.walStands(), [
        { ...later, end: piece.end, until: piece.until, marks: [{ at: piece.until, end: piece.end }] },
        other,
        extendWalStand(undefined, { source: 'shop', location: 'primary' }, piece),
      ])
      assert.deepEqual(await catalog.evidence(), [])
    },
  )

  promise('keyEvents() and policyVersions() answer the oldest first, twice added is once', async (catalog) => {
    const rotated: KeyEvent = { at: at('02T00:00:00'), kind: 'rotated', generation: 2, actor: 'eve@host' }
    const opened: KeyEvent = { at: at('01T00:00:00'), kind: 'opened', generation: undefined, actor: 'eve@host' }
    for (const event of [rotated, opened, rotated, opened]) await catalog.addKeyEvent(event)
    assert.deepEqual(await catalog.keyEvents(), [opened, rotated])
    const second: PolicyVersion = {
      digest: 'd2',
      since: at('02T00:00:00'),
      text: 'version: 1\n',
      weakened: ['RPO is longer: 2 days, was 1 day'],
      reason: 'the network',
      actor: 'eve@host',
    }
    const first: PolicyVersion = { ...second, digest: 'd1', since: at('01T00:00:00'), weakened: [], reason: undefined }
    for (const version of [second, first, second]) await catalog.addPolicyVersion(version)
    assert.deepEqual(await catalog.policyVersions(), [first, second])
  })

  promise('does not change when what it was given or answered is changed', async (catalog) => {
    const takenAt = at('01T02:00:00')
    await catalog.addBackup(sampleBackup({ takenAt }))
    takenAt.setTime(0)
    ;(await catalog.backups())[0]!.takenAt.setTime(0)
    assert.deepEqual((await catalog.backups())[0]!.takenAt, at('01T02:00:00'))
  })
}
