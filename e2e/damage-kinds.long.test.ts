/** Each kind of damage to what is stored: verification names it, and a restore test is not passed by it. */
import assert from 'node:assert/strict'
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { makeProcedureWorld, type ProcedureWorld } from '../testing/procedure-world.ts'
import { type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts'

let folder: TemporaryFolder
let world: ProcedureWorld

before(async () => {
  folder = temporaryFolder('damage-kinds')
  world = await makeProcedureWorld(folder.path)
  await world.expect(0, 'backup', 'documents')
  writeFileSync(folder.at('documents/notes'), 'other notes')
  await world.expect(0, 'backup', 'documents')
  for (const place of ['primary', 'secondary'])
    cpSync(folder.at(place), folder.at(`${place}-whole`), { recursive: true })
})
after(async () => folder[Symbol.asyncDispose]())

/** The stored objects of a kind in both locations. */
function objects(kind: 'data' | 'index' | 'snapshots'): string[] {
  return ['primary', 'secondary'].flatMap((place) => {
    const root = join(folder.at(place), 'production/1/repository', kind)
    return readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted()
  })
}

function changed(path: string, at: (length: number) => number): void {
  const bytes = readFileSync(path)
  bytes[at(bytes.length)]! ^= 1
  writeFileSync(path, bytes)
}

const middle = (length: number): number => length >> 1

interface Damage {
  readonly kind: 'data' | 'index' | 'snapshots'
  readonly harm: (path: string, all: readonly string[]) => void
}

const damages: Readonly<Record<string, Damage>> = {
  'a bit of each pack is flipped': { kind: 'data', harm: (path) => changed(path, middle) },
  'the end of each pack is cut off': {
    kind: 'data',
    harm: (path) => truncateSync(path, readFileSync(path).length >> 1),
  },
  'each pack is empty': { kind: 'data', harm: (path) => truncateSync(path, 0) },
  'each pack is gone': { kind: 'data', harm: (path) => rmSync(path) },
  'each pack has the content of another': {
    kind: 'data',
    harm: (path, all) => {
      const other = all.find((one) => basename(one) !== basename(path))!
      cpSync(other.replace(/(primary|secondary)/, '$1-whole'), path)
    },
  },
  'a bit of each index is flipped': { kind: 'index', harm: (path) => changed(path, middle) },
  'each index is gone': { kind: 'index', harm: (path) => rmSync(path) },
  'a bit of each snapshot is flipped': { kind: 'snapshots', harm: (path) => changed(path, middle) },
  'each snapshot is gone': { kind: 'snapshots', harm: (path) => rmSync(path) },
  'each snapshot has the content of another': {
    kind: 'snapshots',
    harm: (path, all) => {
      const other = all.find((one) => basename(one) !== basename(path))!
      cpSync(other.replace(/(primary|secondary)/, '$1-whole'), path)
    },
  },
}

for (const [name, { kind, harm }] of Object.entries(damages)) {
  test(`${name}: verify names it, and no restore test is passed`, async () => {
    const all = objects(kind)
    const ids = [...new Set(all.map((path) => basename(path).slice(0, 8)))]
    for (const path of all) harm(path, all)
    const verified = await world.run('verify', '--read-data')
    assert.equal(verified.code, 5, verified.stdout + verified.stderr)
    const said = verified.stdout + verified.stderr
    assert.ok(
      ids.some((id) => said.includes(id)) || /index/.test(said),
      `nothing of ${ids.join(', ')} is named:\n${said}`,
    )
    const tested = await world.run('procedure', 'run', 'restore-test', '--source', 'documents', '--json')
    assert.equal(tested.code, 5, tested.stdout + tested.stderr)
    assert.doesNotMatch(tested.stdout, /"outcome":"equal"/)
    const why = tested.stdout + tested.stderr
    assert.ok(/[0-9a-f]{8}|index|damaged/.test(why), why)
    assert.equal((await world.run('status')).code, 5)

    for (const place of ['primary', 'secondary']) {
      rmSync(folder.at(place), { recursive: true })
      cpSync(folder.at(`${place}-whole`), folder.at(`${place}-new`), { recursive: true })
      renameSync(folder.at(`${place}-new`), folder.at(place))
    }
    await world.expect(0, 'verify', '--read-data')
    await world.expect(0, 'procedure', 'run', 'restore-test', '--source', 'documents', '--json')
  })
}
