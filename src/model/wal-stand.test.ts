import assert from 'node:assert/strict'
import { test } from 'node:test'
import { extendWalStand, logBytesSince, type WalPiece, type WalStand } from './wal-stand.ts'

const place = { source: 'main', location: 'primary' } as const

function piece(begin: number, end: number, minute: number, changes: Partial<WalPiece> = {}): WalPiece {
  const until = new Date(Date.UTC(2026, 10, 25, 2, minute))
  return { systemIdentifier: '7', timeline: 1, begin: BigInt(begin), end: BigInt(end), until, ...changes }
}

function standOf(...pieces: readonly WalPiece[]): WalStand {
  return pieces.reduce<WalStand | undefined>((before, one) => extendWalStand(before, place, one), undefined)!
}

test('extendWalStand() goes on while nothing lacks, pieces that overlap or come again included', () => {
  const stand = standOf(piece(0, 10, 1), piece(5, 20, 2), piece(0, 10, 1), piece(20, 30, 4, { timeline: 2 }))
  assert.deepEqual(stand, {
    ...place,
    systemIdentifier: '7',
    timeline: 2,
    end: 30n,
    since: piece(0, 0, 1).until,
    until: piece(0, 0, 4).until,
    marks: [{ at: piece(0, 0, 1).until, end: 10n }],
  })
})

test('extendWalStand() marks where the log stood every two hours of the last days, and begins anew behind a gap', () => {
  const hourly = Array.from({ length: 24 * 20 }, (_, hour) => piece(hour * 10, hour * 10 + 10, hour * 60))
  const { marks } = standOf(...hourly)
  assert.equal(marks!.length, 96)
  assert.deepEqual(marks!.at(-1), { at: hourly.at(-2)!.until, end: hourly.at(-2)!.end })
  assert.deepEqual(standOf(piece(0, 10, 1), piece(0, 20, 500), piece(30, 40, 600)).marks, [
    { at: piece(0, 0, 600).until, end: 40n },
  ])
})

test('logBytesSince() tells how much log was written since a time, between marks and before them', () => {
  const minute = (count: number): Date => piece(0, 0, count).until
  const stand = { ...standOf(piece(0, 0, 0), piece(0, 1200, 120), piece(0, 1320, 240)), until: minute(300), end: 1920n }
  assert.deepEqual(
    [0, 60, 120, 180, 240, 270, 300, 400].map((at) => logBytesSince(stand, minute(at))),
    [1920, 1320, 720, 660, 600, 300, 0, 0],
  )
  assert.equal(logBytesSince(stand, minute(-300)), 2 * 1920)
  assert.equal(logBytesSince(standOf(piece(0, 10, 1)), minute(0)), undefined)
  const { marks: _, ...old } = stand
  assert.equal(logBytesSince(old, minute(0)), undefined)
})

test('extendWalStand() begins anew behind a gap, and with another server', () => {
  assert.deepEqual(standOf(piece(0, 10, 1), piece(11, 20, 2)).since, piece(0, 0, 2).until)
  assert.deepEqual(standOf(piece(0, 10, 1), piece(11, 20, 2), piece(20, 30, 3)).gapFrom, piece(0, 0, 1).until)
  const other = standOf(piece(0, 10, 1), piece(5, 20, 3, { systemIdentifier: '8' }))
  assert.deepEqual([other.since, other.systemIdentifier], [piece(0, 0, 3).until, '8'])
})
