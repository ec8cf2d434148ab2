import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { newFolderPath, oldFolderPath, putFolderInPlace, putOldFolderBack } from './data-folder-place.ts'

const run = 'run-1'

function makeFolder(path: string, content: string): void {
  mkdirSync(path)
  writeFileSync(join(path, 'PG_VERSION'), content)
}

/** A place with an old data folder, where there was one, and a restored one beside. */
function makePlace(folder: string, { hadOld }: { readonly hadOld: boolean }): string {
  const path = join(folder, 'data')
  if (hadOld) makeFolder(path, 'old')
  makeFolder(newFolderPath(path, run), 'new')
  return path
}

function contentOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(join(path, 'PG_VERSION'), 'utf8') : undefined
}

for (const hadOld of [true, false]) {
  const before = hadOld ? 'an old one' : 'none'
  const old = hadOld ? 'old' : undefined

  test(`putFolderInPlace() replaces ${before}, and putOldFolderBack() undoes it; both may be run twice`, async () => {
    await using folder = temporaryFolder('place')
    const path = makePlace(folder.path, { hadOld })
    for (let times = 0; times < 2; times++) {
      assert.equal(putFolderInPlace({ path, run }), hadOld ? oldFolderPath(path, run) : null)
      assert.equal(contentOf(path), 'new')
      assert.equal(contentOf(oldFolderPath(path, run)), old)
    }
    for (const answer of ['put back', 'as it was']) {
      assert.equal(putOldFolderBack({ path, run, hadOld, isBegun: true }), answer)
      assert.equal(contentOf(path), old)
      assert.equal(contentOf(`${path}.zakops-${run}.restored`), 'new')
    }
  })

  test(`putOldFolderBack() of a run that never began to place its folder leaves ${before} alone`, async () => {
    await using folder = temporaryFolder('place')
    const path = makePlace(folder.path, { hadOld })
    assert.equal(putOldFolderBack({ path, run, hadOld, isBegun: false }), 'as it was')
    assert.equal(contentOf(path), old)
    assert.deepEqual(readdirSync(folder.path), hadOld ? ['data'] : [])
  })
}

test('a crash between the two renames is ended by the same again, and undone by putOldFolderBack()', async () => {
  for (const end of ['same again', 'back'] as const) {
    await using folder = temporaryFolder('place')
    const path = makePlace(folder.path, { hadOld: true })
    renameSync(path, oldFolderPath(path, run))
    if (end === 'same again') putFolderInPlace({ path, run })
    else assert.equal(putOldFolderBack({ path, run, hadOld: true, isBegun: true }), 'put back')
    assert.equal(contentOf(path), end === 'same again' ? 'new' : 'old')
    assert.equal(existsSync(newFolderPath(path, run)), false)
  }
})

test('a crash while the old folder is put back is ended by the same again', async () => {
  await using folder = temporaryFolder('place')
  const path = makePlace(folder.path, { hadOld: true })
  putFolderInPlace({ path, run })
  renameSync(path, `${path}.zakops-${run}.restored`)
  assert.equal(putOldFolderBack({ path, run, hadOld: true, isBegun: true }), 'put back')
  assert.equal(contentOf(path), 'old')
})

test('a folder that somebody else made in the place meanwhile is neither replaced nor moved', async () => {
  await using folder = temporaryFolder('place')
  const path = makePlace(folder.path, { hadOld: true })
  renameSync(path, oldFolderPath(path, run))
  makeFolder(path, 'foreign')
  assert.throws(() => putFolderInPlace({ path, run }), isRefused)
  assert.throws(() => putOldFolderBack({ path, run, hadOld: true, isBegun: true }), isRefused)
  assert.equal(contentOf(path), 'foreign')
  assert.equal(contentOf(oldFolderPath(path, run)), 'old')
})

function isRefused(error: unknown): boolean {
  return isFailure(error, 'refused') && error.message.includes('did not put there')
}
