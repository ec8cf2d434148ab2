import assert from 'node:assert/strict'
import { test } from 'node:test'
import { extendWalStand, type WalPiece, type WalStand } from './wal-stand.ts'

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
  })
})

test('extendWalStand() begins anew behind a gap, and with another server', () => {
  assert.deepEqual(standOf(piece(0, 10, 1), piece(11, 20, 2)).since, piece(0, 0, 2).until)
  assert.deepEqual(standOf(piece(0, 10, 1), piece(11, 20, 2), piece(20, 30, 3)).gapFrom, piece(0, 0, 1).until)
  const other = standOf(piece(0, 10, 1), piece(5, 20, 3, { systemIdentifier: '8' }))
  assert.deepEqual([other.since, other.systemIdentifier], [piece(0, 0, 3).until, '8'])
})
