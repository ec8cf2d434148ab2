import assert from 'node:assert/strict'
import { existsSync, linkSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { movedSoFar, moveIntoPlace, putFilesBack, removePlaces, type TemporaryPlace } from './move-into-place.ts'

const id = 'run-1'

/** Three files that were restored aside; production has an older one of the first two. */
function makePlaces(folder: string): TemporaryPlace {
  const aside = join(folder, 'aside')
  const production = join(folder, 'production')
  mkdirSync(join(aside, production), { recursive: true })
  mkdirSync(production)
  const entries = ['a', 'b', 'c'].map((name) => join(production, name))
  for (const path of entries) writeFileSync(join(aside, path), 'restored')
  for (const path of entries.slice(0, 2)) writeFileSync(path, 'old')
  return { folder: aside, entries }
}

function contents(entries: readonly string[]): (string | null)[] {
  return entries.map((path) => (existsSync(path) ? readFileSync(path, 'utf8') : null))
}

/** What a roll-back does of a move that did not end. */
function undo(place: TemporaryPlace): void {
  putFilesBack(movedSoFar([place], id), id)
  removePlaces([place])
}

test('of a move that a crash ended anywhere everything is put back, and twice is as once', async () => {
  for (let moved = 0; moved <= 3; moved++) {
    await using folder = temporaryFolder('moves')
    const place = makePlaces(folder.path)
    for (const path of place.entries.slice(0, moved)) moveIntoPlace({ path, id, place: join(place.folder, path) })
    for (let times = 0; times < 2; times++) {
      undo(place)
      assert.deepEqual(contents(place.entries), ['old', 'old', null], `${moved} were moved`)
      assert.equal(existsSync(place.folder), false)
    }
    const aside = place.entries.map((path) => `${path}.zakops-${id}.restored`)
    assert.deepEqual(
      contents(aside),
      place.entries.map((_, at) => (at < moved ? 'restored' : null)),
    )
  }
})

test('a file that got its second name, and was not replaced yet, is left as it was', async () => {
  await using folder = temporaryFolder('moves')
  const place = makePlaces(folder.path)
  const [first] = place.entries
  linkSync(first!, `${first!}.zakops-${id}.old`)
  undo(place)
  assert.deepEqual(readdirSync(folder.at('production')), ['a', 'b'])
  assert.deepEqual(contents(place.entries), ['old', 'old', null])
})

test('where a crash left half of what goes away, nothing of production is taken for what was restored', async () => {
  await using folder = temporaryFolder('moves')
  const place = makePlaces(folder.path)
  removePlaces([{ folder: place.folder }])
  mkdirSync(`${place.folder}.goes`)
  undo(place)
  assert.deepEqual(contents(place.entries), ['old', 'old', null])
  assert.deepEqual(readdirSync(folder.path), ['production'])
})
